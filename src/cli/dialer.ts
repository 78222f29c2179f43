/**
 * Real WebSockets for the client session, from Node.
 */
import { WebSocket } from 'ws'
import type { Dialer } from '../client/link.js'

const SUBPROTOCOL = 'parley.v1.fb'

/** `failed` hears why a connection could not be made or broke; the session tries again by itself. */
export function webSocketDialer(url: string, failed: (reason: string) => void): Dialer {
  return (events) => {
    const socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false })
    let isClosed = false
    socket.binaryType = 'nodebuffer'
    socket.on('open', () => {
      if (!isClosed) events.opened()
    })
    socket.on('message', (message) => {
      if (!isClosed) events.received(message as Buffer)
    })
    socket.on('error', (error) => failed((error as NodeJS.ErrnoException).code ?? error.message))
    socket.on('close', () => {
      if (!isClosed) events.closed()
      isClosed = true
    })
    return {
      send: (message) => socket.send(message),
      close() {
        isClosed = true
        socket.terminate()
      },
    }
  }
}
