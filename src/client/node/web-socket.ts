/** The platform's WebSocket in Node: its own from Node 22 on, that of the package `ws` below (ADR 46). */
import type { PlatformWebSocket } from '../transport.js'

export async function nodeWebSocket(): Promise<PlatformWebSocket> {
  const { WebSocket: platforms } = globalThis as { WebSocket?: PlatformWebSocket }
  return platforms ?? (await import('ws')).WebSocket
}
