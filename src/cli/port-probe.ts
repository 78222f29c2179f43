/**
 * Whether the ports that Parley wants can be had, and if not, whether it is a Parley that has them: then all is well.
 */
import { connect } from 'node:net'
import { TCP_PREFACE } from '../domain/tcp-preface.js'
import { claimPort, PortError, type PortVariable } from '../port-claim.js'
import { decodeFrame } from '../protocol/decode.js'

export interface PortProblem {
  /** A Parley has it now. */
  readonly isParley: boolean
  readonly advice: string
}

const ANSWER_WITHIN_MS = 1_000
const NO_FRAME = new Uint8Array(16)

/** Undefined: it is free. */
export async function portProblem(
  host: string,
  port: number,
  variable: PortVariable,
): Promise<PortProblem | undefined> {
  try {
    await claimPort(host, port, variable)
    return undefined
  } catch (error) {
    if (!(error instanceof PortError)) throw error
    const answers = variable === 'PARLEY_PORT' ? answersMetrics(host, port) : answersFrames(host, port)
    return { isParley: await answers, advice: error.message }
  }
}

async function answersMetrics(host: string, port: number): Promise<boolean> {
  try {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    return response.ok && (await response.text()).includes('parley_info')
  } catch {
    return false
  }
}

/** A Parley refuses what is no frame with a frame. */
async function answersFrames(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  socket.write(TCP_PREFACE)
  socket.write(NO_FRAME)
  try {
    for await (const chunk of socket) return decodeFrame(chunk as Uint8Array).kind === 'refusal'
    return false
  } catch {
    return false // nobody answers, or something else does
  } finally {
    socket.destroy()
  }
}
