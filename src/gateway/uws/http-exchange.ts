/**
 * HTTP over uWebSockets.js: the whole request, bounded, then the answer, however long that takes. The library's request is
 * gone once its handler returns, and its response once the peer is.
 */

import type * as uWS from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { LIMITS } from '../../domain/limits.js'
import { BODY_TOO_LARGE, DROPPED_BYTES_MAX, DROPPED_MS_MAX, type PlainHandler } from '../socket-server.js'

type Request = Parameters<PlainHandler>[0]
type Answer = Awaited<ReturnType<PlainHandler>>

const NOT_MODIFIED = 304

declare module 'uWebSockets.js' {
  interface HttpResponse {
    /** What the PROXY protocol (version 2) before the request named; empty without one. Anybody may send that. */
    getProxiedRemoteAddressAsText(): ArrayBuffer
  }
}

export type IsProxy = (remoteAddress: string) => boolean

export function answerHttp(
  response: uWS.HttpResponse,
  request: uWS.HttpRequest,
  isProxy: IsProxy,
  handler: PlainHandler,
): void {
  const head = headOf(response, request, isProxy)
  const exchange = new Exchange(response, head.method === 'HEAD')
  const chunks: Buffer[] = []
  let size = 0
  let cutOff: NodeJS.Timeout | undefined
  const refuse = (cuts: boolean) => {
    clearTimeout(cutOff)
    exchange.end(BODY_TOO_LARGE, cuts)
  }
  response.onData((chunk, isLast) => {
    size += chunk.byteLength
    if (exchange.isOver) return
    if (size > LIMITS.httpBodyBytesMax) {
      chunks.length = 0
      if (isLast || size > DROPPED_BYTES_MAX) refuse(!isLast)
      else cutOff ??= setTimeout(() => refuse(true), DROPPED_MS_MAX)
      return
    }
    chunks.push(Buffer.from(chunk.slice(0))) // the library uses its buffer again
    if (isLast) void exchange.answer({ ...head, body: Buffer.concat(chunks) }, handler)
  })
}

/** As text, IPv6 in full groups. */
export function remoteAddressOf(response: uWS.HttpResponse, isProxy: IsProxy): string {
  const peer = Buffer.from(response.getRemoteAddressAsText()).toString('latin1')
  if (!isProxy(peer)) return peer
  return Buffer.from(response.getProxiedRemoteAddressAsText()).toString('latin1') || peer
}

class Exchange {
  /** Answered, or the peer is gone. */
  isOver = false
  readonly #response: uWS.HttpResponse
  readonly #isHeadOnly: boolean

  constructor(response: uWS.HttpResponse, isHeadOnly: boolean) {
    this.#response = response
    this.#isHeadOnly = isHeadOnly
    response.onAborted(() => {
      this.isOver = true
    })
  }

  async answer(request: Request, handler: PlainHandler): Promise<void> {
    this.end(await handler(request))
  }

  /** `cuts`: the connection ends with it, whatever is still on its way here. */
  end({ status, contentType, body, headers = {} }: Answer, cuts = false): void {
    if (this.isOver) return
    this.isOver = true
    this.#response.cork(() => {
      this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
      this.#response.writeHeader('content-type', contentType)
      for (const [name, value] of Object.entries(headers)) this.#response.writeHeader(name, value)
      // Of an unchanged page nothing is sent, and no length of it told (RFC 9110).
      if (status === NOT_MODIFIED) this.#response.endWithoutBody()
      // The library cuts a connection that asks again after a length without a body, so it is told to close by itself.
      else if (this.#isHeadOnly) this.#response.endWithoutBody(Buffer.byteLength(body), true)
      else this.#response.end(body, cuts)
    })
  }
}

function headOf(response: uWS.HttpResponse, request: uWS.HttpRequest, isProxy: IsProxy): Omit<Request, 'body'> {
  const headers = new Map<string, string>()
  request.forEach((name, value) => {
    headers.set(name, value)
  })
  return {
    method: request.getCaseSensitiveMethod().toUpperCase(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery() ?? ''),
    headers,
    remoteAddress: remoteAddressOf(response, isProxy),
  }
}
