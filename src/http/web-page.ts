/**
 * The demo page: the built files of web/, read once and served from memory. A file whose name carries a hash of its
 * content is kept by browsers for good; of the others they ask each time whether they changed.
 *
 * The page may load nothing from elsewhere, run nothing that is not one of these files, and be shown in nobody's frame.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import type { HttpAnswer, HttpRequest } from './message.js'

/** Answers what is a file of the page; undefined: it is none. */
export type WebPage = (request: Pick<HttpRequest, 'path' | 'headers'>) => HttpAnswer | undefined

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Vite puts what it names after its content there. */
const HASHED = '/assets/'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Undefined where the folder is not there: the page was not built. Throws where it holds a file of a type that is not known here. */
export function readWebPage(folder: string): WebPage | undefined {
  const files = new Map(pathsIn(folder).map((path) => [pathOnPort(folder, path), readFileSync(path)] as const))
  if (files.size === 0) return undefined
  const answers = new Map([...files].map(([path, body]) => [path, answerOf(path, body)] as const))
  return ({ path, headers }) => {
    const answer = answers.get(path)
    if (answer === undefined || headers.get('if-none-match') !== answer.headers.etag) return answer
    return { ...answer, status: 304, body: '' }
  }
}

function answerOf(path: string, body: Uint8Array) {
  const contentType = CONTENT_TYPES[path === '/' ? '.html' : extname(path)]
  if (contentType === undefined) throw new Error(`Cannot serve ${path}: no content type is known for it`)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  const caching = path.startsWith(HASHED) ? 'public, max-age=31536000, immutable' : 'no-cache'
  const policy = path === '/' ? { 'content-security-policy': POLICY } : {}
  return { status: 200, contentType, body, headers: { ...HEADERS, ...policy, etag, 'cache-control': caching } }
}

function pathsIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw cause
  }
}

function pathOnPort(folder: string, path: string): string {
  const name = relative(folder, path).split(sep).join('/')
  return name === 'index.html' ? '/' : `/${name}`
}
