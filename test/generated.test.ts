/** The generated code is what the schemas say: regenerate in memory, and compare with what is committed. */
import { deepEqual } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { generatedFolder, generateSchemas } from '../scripts/generate-schemas.mjs'

test('src/protocol/generated is what `npm run generate` writes', async () => {
  const fresh = await generateSchemas()
  deepEqual(committedFiles(), [...fresh.keys()].sort())
  for (const [path, text] of fresh) {
    deepEqual(readFileSync(join(generatedFolder, path), 'utf8'), text, `${path} is stale: run npm run generate`)
  }
})

function committedFiles(): string[] {
  if (!existsSync(generatedFolder)) return []
  return readdirSync(generatedFolder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
}
