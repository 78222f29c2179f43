/** How the client library says no. */
import { REFUSALS, type RefusalName, refusalOfWire } from '../domain/refusal.js'

/** What a refusal asks of the application; the library itself has done all that can be done without it. */
export type Todo =
  /** 11xx: the request can never be granted as it is. */
  | 'fix'
  /** 12xx: wait, then ask again. */
  | 'wait'
  /** 13xx: connect again. */
  | 'reconnect'
  /** 14xx: this user may not, or the token is not good. */
  | 'not-allowed'

/** A no in the words of the server's catalogue (docs/protocol.md), also where the library found it out by itself. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly code: number
  /** Of the catalogue, or `unknown` for a code that is newer than this library. */
  readonly reason: RefusalName | 'unknown'
  readonly advice: string
  readonly todo: Todo

  constructor(code: number, advice?: string) {
    const reason = refusalOfWire(code) ?? 'unknown'
    const said = advice || (reason === 'unknown' ? '' : REFUSALS[reason].advice)
    super(`Refused with ${code} ${reason}: ${said}`)
    this.code = code
    this.reason = reason
    this.advice = said
    this.todo = todoOf(code)
  }

  static of(reason: RefusalName): RefusedError {
    return new RefusedError(REFUSALS[reason].wire)
  }
}

export type ClientErrorReason =
  /** The client was closed, or has not been connected. */
  | 'closed'
  /** As many commands wait as may; send again when some are acked. */
  | 'queue-full'
  /** As many conversations are counted as may; end one. */
  | 'too-many-counts'
  /** Nobody can tell whether it was accepted; it is acked after all if it turns up in the timeline. */
  | 'unknown-outcome'
  /** The server went back in time, as after a restored backup; what was read is void. */
  | 'history-restarted'
  /** No answer came in time. */
  | 'unanswered'
  /** Another tab of this browser has the storage, and does not answer. */
  | 'no-leader'
  /** The storage holds the queue of another user. */
  | 'foreign-storage'
  /** An option is not what it should be. */
  | 'bad-option'

export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly reason: ClientErrorReason

  constructor(reason: ClientErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

function todoOf(code: number): Todo {
  const hundreds = Math.floor(code / 100)
  if (hundreds === 12) return 'wait'
  if (hundreds === 13) return 'reconnect'
  return hundreds === 11 ? 'fix' : 'not-allowed'
}
