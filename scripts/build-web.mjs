/**
 * web/ → dist/web with Vite: the demo page. Called by build.mjs, which knows when it is due.
 */
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Resolves to what went in and what came out, as paths from `root`. Packages are not listed: the lock file speaks for them. */
export async function buildWeb(root) {
  const { build } = await import('vite')
  const configFile = join(root, 'web', 'vite.config.ts')
  const { output } = await build({ configFile, logLevel: 'warn' })
  const modules = output.flatMap(({ moduleIds = [] }) => moduleIds.map((id) => id.replace(/\?.*$/, '')))
  const sources = modules.filter((id) => id.startsWith(root) && !id.includes('/node_modules/'))
  const others = [join(root, 'web', 'index.html'), configFile, ...filesIn(join(root, 'web', 'public'))]
  return {
    inputs: [...new Set([...sources, ...others])].map((path) => relative(root, path)),
    outputs: filesIn(join(root, 'dist', 'web')).map((path) => relative(root, path)),
  }
}

function filesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
