/**
 * HTTP over Node's own server: the whole request, bounded, then the answer, however long that takes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { LIMITS } from '../../domain/limits.js'
import { BODY_TOO_LARGE, DROPPED_BYTES_MAX, DROPPED_MS_MAX, type PlainHandler } from '../socket-server.js'

type Answer = Awaited<ReturnType<PlainHandler>>

const NOT_MODIFIED = 304

export function answerHttp(request: IncomingMessage, response: ServerResponse, handler: PlainHandler): void {
  const chunks: Buffer[] = []
  let size = 0
  let cutOff: NodeJS.Timeout | undefined
  let isOver = false
  const refuse = (cuts: boolean) => {
    clearTimeout(cutOff)
    isOver = true
    if (cuts) response.once('finish', () => request.destroy())
    end(response, BODY_TOO_LARGE)
  }
  request.on('error', () => {}) // the peer left: 'end' does not come
  request.on('close', () => clearTimeout(cutOff))
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= LIMITS.httpBodyBytesMax) return void chunks.push(chunk)
    chunks.length = 0
    if (isOver) return
    if (size > DROPPED_BYTES_MAX) refuse(true)
    else cutOff ??= setTimeout(() => refuse(true), DROPPED_MS_MAX)
  })
  request.on('end', async () => {
    if (isOver) return
    if (size > LIMITS.httpBodyBytesMax) return refuse(false)
    end(response, await handler({ ...headOf(request), body: Buffer.concat(chunks) }))
  })
}

function headOf(request: IncomingMessage): Omit<Parameters<PlainHandler>[0], 'body'> {
  const { method = 'GET', url = '/', headers, socket } = request
  const [path = '/', query = ''] = url.split('?', 2)
  const lines = Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')] as const)
  const remoteAddress = socket.remoteAddress ?? ''
  return { method, path, query: new URLSearchParams(query), headers: new Map(lines), remoteAddress }
}

/** Node leaves the body out of an answer to HEAD. */
function end(response: ServerResponse, { status, contentType, body, headers = {} }: Answer): void {
  // Of an unchanged page nothing is sent, and no length of it told (RFC 9110).
  const length = status === NOT_MODIFIED ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { 'content-type': contentType, ...length, ...headers }).end(body)
}
