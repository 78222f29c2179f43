/**
 * `parley` as a person runs it: the built program, in a folder of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
  readonly input?: string
  /** Open files that it may have. */
  readonly filesMax?: number
}

export async function parley(args: readonly string[], options: RunOptions): Promise<Ran> {
  const { folder, environment = {}, input = '', filesMax } = options
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_'))
  const command = [process.execPath, CLI, ...args]
  const limited = filesMax === undefined ? command : ['sh', '-c', `ulimit -n ${filesMax}; exec "$@"`, 'sh', ...command]
  const child = spawn(limited[0]!, limited.slice(1), {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), ...environment },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => (stdout += text))
  child.stderr.on('data', (text) => (stderr += text))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
