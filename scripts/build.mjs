/**
 * Bundles the entry points into dist/, each group only when one of its inputs changed.
 *
 *   node scripts/build.mjs [--tidy] [server] [client] [client-node] [web] [bench] [kills] [sim]      (no argument: all groups)
 *
 * What went into a bundle is known exactly, from esbuild's metafile or from Vite, so "changed" means: the content of
 * one of those files, this script, or the lock file differs from what the last build saw. Entry points
 * that do not exist yet are skipped. Prints one line to stderr per group built, nothing when up to date.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildWeb } from './build-web.mjs'

/** Group → output folder and entry points (output name → source). A new program is one line here. */
const GROUPS = {
  server: {
    outdir: 'dist',
    entries: {
      main: 'src/main.ts', // supervising parent
      server: 'src/server.ts', // main thread of the server process
      worker: 'src/worker.ts', // worker thread
      cli: 'src/cli/main.ts',
    },
    with: ['web'], // what it serves
  },
  client: {
    outdir: 'dist/client',
    entries: { browser: 'src/client-browser.ts' },
    // One file with all it needs: a page may load it as it is.
    options: { platform: 'browser', target: 'es2022', packages: 'bundle', splitting: false, minify: true },
    showsSize: true,
  },
  'client-node': {
    outdir: 'dist/client',
    entries: { node: 'src/client-node.ts' },
    options: { splitting: false },
  },
  web: {
    outdir: 'dist/web',
    entries: { index: 'web/main.ts' },
    build: () => buildWeb(root), // for browsers, of Vue's files: what esbuild cannot do
    showsSize: true,
  },
  bench: {
    outdir: 'dist/bench',
    entries: {
      main: 'bench/main.ts',
      load: 'bench/load.ts', // the client process
      'idle-load': 'bench/idle-load.ts', // that of devices which are just there
      relay: 'bench/relay.ts', // what the server is compared with
    },
  },
  kills: { outdir: 'dist/kills', entries: { main: 'test/kills/main.ts' } },
  sim: {
    outdir: 'dist/sim',
    entries: { main: 'test/sim/main.ts', job: 'test/sim/job.ts', mutants: 'test/sim/mutants.ts' },
  },
}

/** A process that started before this build may still load a chunk of the previous one. */
const STALE_CHUNK_KEPT_MS = 60 * 60 * 1000

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.chdir(root)

const named = process.argv.slice(2).filter((each) => each !== '--tidy')
const names = new Set(
  (named.length > 0 ? named : Object.keys(GROUPS)).flatMap((name) => [name, ...(GROUPS[name]?.with ?? [])]),
)
/** Before packing: no chunk of an earlier build is to go along. */
const keptMs = process.argv.includes('--tidy') ? 0 : STALE_CHUNK_KEPT_MS
for (const name of names) {
  const group = GROUPS[name]
  if (!group) fail(`unknown group ${name}; known: ${Object.keys(GROUPS).join(', ')}`)
  const entries = Object.fromEntries(Object.entries(group.entries).filter(([, source]) => existsSync(source)))
  const isDue = keptMs === 0 || !isUpToDate(name, entries)
  if (Object.keys(entries).length > 0 && isDue) await build(name, group, entries)
}

function isUpToDate(name, entries) {
  let record
  try {
    record = JSON.parse(readFileSync(recordPath(name), 'utf8'))
  } catch {
    return false
  }
  return (
    record.entries === JSON.stringify(entries) &&
    record.outputs.every((file) => existsSync(file)) &&
    Object.entries(record.inputs).every(([file, hash]) => hashOf(file) === hash)
  )
}

async function build(name, group, entries) {
  const startedAt = performance.now()
  let built
  try {
    built = await (group.build ?? bundle)(group, entries)
  } catch (error) {
    fail(`cannot build ${name}${group.build ? `: ${error.message}` : ''}`) // esbuild has printed where and why
  }
  const { outputs } = built
  const inputs = [...built.inputs, 'package-lock.json', 'scripts/build.mjs']
  mkdirSync('dist', { recursive: true })
  writeFileSync(
    recordPath(name),
    JSON.stringify({
      entries: JSON.stringify(entries),
      outputs,
      inputs: Object.fromEntries(inputs.map((file) => [file, hashOf(file)])),
    }),
  )
  removeStaleChunks(group, new Set(outputs.map((file) => resolve(file))))
  const size = group.showsSize ? `, ${gzippedKiB(outputs)} KiB gzipped` : ''
  const tookMs = Math.round(performance.now() - startedAt)
  process.stderr.write(`build: ${name}, ${inputs.length} files in ${tookMs} ms${size}\n`)
}

async function bundle(group, entries) {
  const esbuild = await import('esbuild')
  const { metafile } = await esbuild.build({
    entryPoints: entries,
    outdir: group.outdir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true, // a lazily imported adapter must not pull its client in at start
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    absWorkingDir: root,
    ...group.options,
  })
  return { inputs: Object.keys(metafile.inputs), outputs: Object.keys(metafile.outputs) }
}

/** Of all its files together, as a web server would send them. */
function gzippedKiB(outputs) {
  const files = outputs.filter((file) => !file.endsWith('.map')).map((file) => readFileSync(file))
  return (files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0) / 1024).toFixed(1)
}

function removeStaleChunks(group, current) {
  const folder = join(group.outdir, 'chunks')
  if (!existsSync(folder)) return
  for (const file of readdirSync(folder)) {
    const path = resolve(folder, file)
    const isOld = Date.now() - statSync(path).mtimeMs > keptMs
    if (isOld && !current.has(path)) rmSync(path, { force: true })
  }
}

function recordPath(name) {
  return join('dist', `.build-${name}.json`)
}

function hashOf(file) {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64')
  } catch {
    return 'absent'
  }
}

function fail(message) {
  process.stderr.write(`build: ${message}\n`)
  process.exit(1)
}
