/**
 * `parley bench`: the benchmarks, which are a program of their own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../package-version.js'
import { CommandError } from './terminal.js'

/** Resolves with its exit code. */
export async function bench(args: readonly string[]): Promise<number> {
  const script = join(packageFolder(), 'dist', 'bench', 'main.js')
  if (!existsSync(script)) {
    throw new CommandError('the benchmarks are not built here; in a clone of the repository: node scripts/build.mjs')
  }
  const child = spawn(process.execPath, [script, ...args], { stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
