/**
 * Which Parley this is, from the package that the running file belongs to.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

let known: string | undefined

/** As package.json has it: `0.1.0`. */
export function packageVersion(): string {
  known ??= (JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as { version: string }).version
  return known
}

/** The nearest folder above this file that is a package; bundles lie deeper than sources. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }
      if (name === 'parley') return folder
    } catch {
      // Not here: one folder up.
    }
    if (dirname(folder) === folder) throw new Error('package.json of Parley is missing: install it again')
    folder = dirname(folder)
  }
}
