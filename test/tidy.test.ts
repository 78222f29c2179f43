/**
 * Structure, kept the way behaviour is kept: by a test. What a folder may import, where clocks and
 * randomness may be read, how long a file may be.
 *
 * Every rule is a function from source text to complaints, so that each is also shown a planted
 * offence: a rule that cannot fail protects nothing. Cycles are found by `npm run lint`.
 */
import { deepEqual, equal, match } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

/**
 * Folder → folders it may import. Absence is the point: actors cannot reach a socket or a database.
 * Of log, storage and push everybody sees the port files only; what lies in their subfolders is an
 * adapter. Files directly in src/ compose the rest and may import anything.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  std: [],
  domain: ['std'],
  protocol: ['domain', 'std'],
  log: ['domain', 'std'],
  storage: ['domain', 'std'],
  push: ['domain', 'std'],
  access: ['domain', 'std'],
  actors: ['domain', 'log', 'protocol', 'push', 'std', 'storage'],
  gateway: ['access', 'actors', 'domain', 'http', 'log', 'protocol', 'std', 'storage'],
  http: ['access', 'actors', 'domain', 'log', 'protocol', 'std', 'storage'],
  api: ['actors', 'domain', 'log', 'protocol', 'std', 'storage'],
  client: ['domain', 'protocol', 'std'],
  cli: ['(root)', 'access', 'client', 'domain', 'http', 'protocol', 'std'],
}

/** Folders whose subfolders are adapters → the port files an adapter sees; undefined: every file beside its folder. */
const ADAPTED: Record<string, readonly string[] | undefined> = {
  log: undefined,
  storage: undefined,
  push: undefined,
  gateway: ['socket-server.ts', 'options.ts'],
  client: ['storage.ts', 'transport.ts', 'link.ts'],
}

/** Folder or adapter → packages and Node modules it may use. One that is not listed here is free to choose. */
const MAY_USE: Record<string, readonly string[]> = {
  domain: ['node:crypto'],
  protocol: ['flatbuffers'],
  actors: [],
  client: ['flatbuffers'], // it runs in browsers
  'client/web': [],
}

const FILE_LINES_MAX = 350

/** Time and chance come from the injected clock and random source, or the simulator cannot replay. */
const UNREPEATABLE: readonly RegExp[] = [
  /\bDate\s*\.\s*now\b/,
  /\bnew\s+Date\b/,
  /\bperformance\s*\.\s*now\b/,
  /\bprocess\s*\.\s*hrtime\b/,
  /\bMath\s*\.\s*random\b/,
  /(?<![.\w#])(?:setTimeout|setInterval|setImmediate)\b/,
  /\bglobalThis\s*\.\s*(?:setTimeout|setInterval|setImmediate)\b/,
  /\bcrypto\s*\.\s*(?:random\w*|getRandomValues)\b/,
  /\brandom(?:Bytes|UUID|Int|Fill|FillSync)\s*[(,}]/,
]

const NEVER_MERGED = new RegExp(`\\b${'FIX'}${'ME'}\\b`)
const ASSERTION =
  /\b(?:expect|assert|equal|deepEqual|notEqual|ok|match|rejects|throws|fail|\w*[cC]onformance)\b\s*[.(<]/

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const TREES = ['src', 'test', 'bench', 'scripts', 'web']

/** What the demo page may see of src: what runs in a browser. */
const WEB_MAY_IMPORT = ['client', 'domain', 'std']

interface Source {
  /** From the repository's root, with `/`. */
  readonly path: string
  readonly text: string
}

const sources = TREES.flatMap((tree) => sourcesUnder(tree))

describe('the tree is tidy', () => {
  const rules = { folderOffences, packageOffences, repeatabilityOffences, lengthOffences, wordingOffences, emptyTests }
  for (const [name, rule] of Object.entries(rules)) {
    test(`${name} finds nothing`, () => deepEqual(sources.flatMap(rule), []))
  }

  test('an adapter folder talks to one third-party client', () => deepEqual(adapterClientOffences(sources), []))
})

describe('each rule sees a planted offence', () => {
  const planted = (path: string, text: string): Source => ({ path, text })
  const complains = (offences: string[], pattern: RegExp) => {
    equal(offences.length, 1, offences.join('\n'))
    match(offences[0]!, pattern)
  }

  test('imports point downhill', () => {
    const up = planted('src/domain/ids.ts', `import { x } from '../actors/conversation.js'`)
    complains(folderOffences(up), /domain may not import actors/)
    const adapter = planted('src/actors/a.ts', `import type { W } from '../log/embedded/shard-log.js'`)
    complains(folderOffences(adapter), /actors may not import the adapter log\/embedded/)
    const lazily = planted('src/http/a.ts', `const m = await import('../gateway/worker.js')`)
    complains(folderOffences(lazily), /http may not import gateway/)
    const composition = planted('src/gateway/a.ts', `export * from '../node.js'`)
    complains(folderOffences(composition), /gateway may not import \(root\)/)
    const outside = planted('src/gateway/a.ts', `import '../../test/sim/main.js'`)
    complains(folderOffences(outside), /outside src/)
    complains(folderOffences(planted('src/misc/a.ts', `import '../std/b.js'`)), /no entry in MAY_IMPORT/)
    complains(folderOffences(planted('web/chat/a.ts', `import '../../src/gateway/a.js'`)), /page may not import/)
    complains(folderOffences(planted('web/App.vue', `import '../src/client-node.js'`)), /page may not import/)
    deepEqual(folderOffences(planted('web/chat/a.ts', `import '../../src/client-browser.js'; import './b.js'`)), [])
    deepEqual(folderOffences(planted('src/gateway/a.test.ts', `import '../../test/sim/main.js'`)), [])
    deepEqual(folderOffences(planted('src/node.ts', `import './log/embedded/shard-log.js'`)), [])
    deepEqual(folderOffences(planted('src/actors/a.ts', `// import '../gateway/b.js'\nimport './c.js'`)), [])
  })

  test('adapters see their port and no other adapter', () => {
    const neighbour = planted('src/log/nats/bus.ts', `import '../embedded/shard-log.js'`)
    complains(folderOffences(neighbour), /log\/nats may not import the adapter log\/embedded/)
    const beyondPort = planted('src/gateway/uws/socket-server.ts', `import '../connection.js'`)
    complains(folderOffences(beyondPort), /only its port/)
    complains(folderOffences(planted('src/log/nats/a.ts', `import '../../protocol/x.js'`)), /may not import protocol/)
    deepEqual(folderOffences(planted('src/log/nats/bus.ts', `import '../bus.js'; import './frames.js'`)), [])
    const twoClients = ['nats', '@nats-io/kv', 'ioredis'].map((client) =>
      planted('src/log/nats/a.ts', `import x from '${client}'`),
    )
    complains(adapterClientOffences(twoClients), /ioredis, nats/)
    deepEqual(adapterClientOffences(twoClients.slice(0, 2)), [])
  })

  test('pure folders use no packages', () => {
    complains(packageOffences(planted('src/actors/a.ts', `import { readFile } from 'node:fs/promises'`)), /node:fs/)
    complains(packageOffences(planted('src/domain/a.ts', `import { z } from 'zod'`)), /zod/)
    complains(packageOffences(planted('src/client/web/a.ts', `import 'node:fs'`)), /client\/web may not use node:fs/)
    deepEqual(packageOffences(planted('src/client/node/a.ts', `import 'node:fs'`)), [])
    deepEqual(packageOffences(planted('src/actors/a.test.ts', `import { test } from 'vitest'`)), [])
  })

  test('clocks and randomness stay in std', () => {
    const unrepeatable = ['Date.now()', 'new Date()', 'performance.now()', 'Math.random()', 'setTimeout(f, 1)']
    const more = [
      'setInterval(f)',
      'setImmediate(f)',
      'crypto.randomUUID()',
      `import { randomBytes } from 'node:crypto'`,
    ]
    for (const text of [...unrepeatable, ...more]) {
      complains(repeatabilityOffences(planted('src/actors/a.ts', `const x = 1\n${text}`)), /a\.ts:2 /)
      for (const free of ['std/a.ts', 'node.ts', 'log/embedded/a.ts', 'actors/a.test.ts']) {
        deepEqual(repeatabilityOffences(planted(`src/${free}`, text)), [])
      }
    }
    const innocent = `// Date.now()\n/* Math.random() */ clock.setTimeout(f, 1); const url = 'http://a' // new Date()`
    deepEqual(repeatabilityOffences(planted('src/actors/a.ts', innocent)), [])
  })

  test('files are short, named after a noun, finished, and tests assert', () => {
    deepEqual(lengthOffences(planted('src/a.ts', 'x\n'.repeat(FILE_LINES_MAX))), [])
    complains(lengthOffences(planted('src/a.ts', 'x\n'.repeat(FILE_LINES_MAX + 1))), /351 lines/)
    complains(wordingOffences(planted('src/std/utils.ts', '')), /noun/)
    complains(wordingOffences(planted('src/utils/a.ts', '')), /noun/)
    complains(wordingOffences(planted('src/a.ts', `// ${'FIX'}${'ME'}: later`)), /not before merge/)
    complains(emptyTests(planted('src/a.test.ts', `test('x', () => { run() }) // expect(1)`)), /asserts nothing/)
  })
})

function folderOffences({ path, text }: Source): string[] {
  if (path.startsWith('web/')) return isTest(path) ? [] : pageOffences(path, text)
  const from = placeOf(path)
  if (from === undefined || from.folder === '(root)') return []
  const allowed = MAY_IMPORT[from.folder]
  if (allowed === undefined) return [`${path}: folder ${from.folder} has no entry in MAY_IMPORT`]
  return importsOf(text).flatMap((specifier) => {
    if (!specifier.startsWith('.')) return []
    const target = posix.join(posix.dirname(path), specifier)
    const to = placeOf(target)
    if (to === undefined) {
      return isTest(path) && target.startsWith('test/') ? [] : [`${path}: ${specifier} is outside src`]
    }
    const complaint = from.adapter === undefined ? refuseToFolder(from, to, allowed) : refuseToAdapter(from, to, target)
    return complaint === undefined ? [] : [`${path}: ${nameOf(from)} ${complaint} (${specifier})`]
  })
}

function pageOffences(path: string, text: string): string[] {
  const targets = importsOf(text).map((specifier) => posix.join(posix.dirname(path), specifier))
  const foreign = targets.filter((target) => {
    const to = placeOf(target)
    const isClient = to?.folder === '(root)' && target.startsWith('src/client-browser.')
    return to !== undefined && !isClient && !WEB_MAY_IMPORT.includes(to.folder)
  })
  return foreign.map((target) => `${path}: the page may not import ${target}`)
}

function refuseToFolder(from: Place, to: Place, allowed: readonly string[]): string | undefined {
  if (from.folder !== to.folder && !allowed.includes(to.folder)) return `may not import ${to.folder}`
  return to.adapter === undefined ? undefined : `may not import the adapter ${nameOf(to)}`
}

function refuseToAdapter(from: Place, to: Place, target: string): string | undefined {
  if (to.adapter !== undefined) {
    return nameOf(to) === nameOf(from) ? undefined : `may not import the adapter ${nameOf(to)}`
  }
  if (to.folder === 'domain' || to.folder === 'std') return undefined
  if (to.folder !== from.folder) return `may not import ${to.folder}`
  const ports = ADAPTED[from.folder]
  const file = posix.basename(target).replace(/\.js$/, '.ts')
  return ports === undefined || ports.includes(file) ? undefined : `sees only its port: ${ports.join(', ')}`
}

function packageOffences({ path, text }: Source): string[] {
  const from = placeOf(path)
  const allowed = from && MAY_USE[nameOf(from)]
  if (allowed === undefined || isTest(path)) return []
  const used = importsOf(text).filter((specifier) => !specifier.startsWith('.'))
  return used.filter((name) => !allowed.includes(name)).map((name) => `${path}: ${nameOf(from!)} may not use ${name}`)
}

function adapterClientOffences(all: readonly Source[]): string[] {
  const clients = new Map<string, Set<string>>()
  for (const { path, text } of all) {
    const from = placeOf(path)
    if (from?.adapter === undefined || isTest(path)) continue
    const used = clients.get(nameOf(from)) ?? new Set()
    clients.set(nameOf(from), used)
    for (const specifier of importsOf(text)) {
      if (!/^(?:\.|node:)/.test(specifier)) used.add(clientOf(specifier))
    }
  }
  return [...clients]
    .filter(([, used]) => used.size > 1)
    .map(([adapter, used]) => `src/${adapter} uses more than one client: ${[...used].sort().join(', ')}`)
}

function repeatabilityOffences({ path, text }: Source): string[] {
  const from = placeOf(path)
  if (from === undefined || from.folder === '(root)' || from.folder === 'std') return []
  if (from.adapter !== undefined || isTest(path)) return []
  return withoutComments(text)
    .split('\n')
    .flatMap((line, index) => {
      const found = UNREPEATABLE.map((pattern) => pattern.exec(line)?.[0]).find((hit) => hit !== undefined)
      return found === undefined ? [] : [`${path}:${index + 1} reads time or chance directly: ${found}`]
    })
}

function lengthOffences({ path, text }: Source): string[] {
  if (!/\.(?:ts|vue)$/.test(path)) return []
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  return lines > FILE_LINES_MAX ? [`${path} has ${lines} lines; ${FILE_LINES_MAX} are allowed`] : []
}

function wordingOffences({ path, text }: Source): string[] {
  const offences: string[] = []
  if (/(?:^|[/.-])utils?(?:[/.-]|$)/.test(path)) offences.push(`${path}: a helper lives with the noun it helps`)
  if (NEVER_MERGED.test(text)) offences.push(`${path} holds a note that says "not before merge"`)
  return offences
}

function emptyTests({ path, text }: Source): string[] {
  return isTest(path) && !ASSERTION.test(withoutComments(text)) ? [`${path} asserts nothing`] : []
}

interface Place {
  /** First folder below src, or `(root)` for the files directly in it. */
  readonly folder: string
  readonly adapter?: string
}

/** Where a path below src belongs; undefined for everything else. */
function placeOf(path: string): Place | undefined {
  const [tree, folder, adapter, file] = path.split('/')
  if (tree !== 'src' || folder === undefined) return undefined
  if (adapter === undefined) return { folder: '(root)' }
  return folder in ADAPTED && file !== undefined ? { folder, adapter } : { folder }
}

function nameOf({ folder, adapter }: Place): string {
  return adapter === undefined ? folder : `${folder}/${adapter}`
}

/** The packages of one scope are one client, and `nats` is the alias of one of them. */
function clientOf(specifier: string): string {
  const [first, second] = specifier.split('/')
  if (first === '@nats-io') return 'nats'
  return first!.startsWith('@') ? `${first}/${second}` : first!
}

/** Static and dynamic imports, re-exports, and `import('…')` types. */
function importsOf(text: string): string[] {
  const pattern = /\b(?:from\s*|import\s*\(\s*|import\s+)(['"])([^'"\n]+)\1/g
  return [...withoutComments(text).matchAll(pattern)].map((hit) => hit[2]!)
}

/** Blanks comments and keeps line numbers; strings pass whole, so that a URL is not taken for a comment. */
function withoutComments(text: string): string {
  const pattern = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return text.replace(pattern, (hit) => (hit.startsWith('/') ? hit.replace(/[^\n]/g, ' ') : hit))
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

function sourcesUnder(tree: string): Source[] {
  if (!existsSync(join(ROOT, tree))) return []
  return readdirSync(join(ROOT, tree), { recursive: true, encoding: 'utf8' })
    .map((path) => posix.join(tree, path.replaceAll('\\', '/')))
    .filter((path) => /\.(?:ts|mjs|vue)$/.test(path) && !/\/(?:generated|node_modules|dist|data)\//.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}
