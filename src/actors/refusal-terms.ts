/** What an owner's refusals ask of the client. */
import { isFinal, type RefusalName } from '../domain/refusal.js'

const RETRY_SOON_MS = 100
const RETRY_LATER_MS = 1_000

/** Whether a client does more than wait and ask again, or knows more than we do. */
export function isGivenUp(refusal: RefusalName): boolean {
  return isFinal(refusal) || refusal === 'send-gap' || refusal === 'not-yet'
}

/** 0 for what waiting does not mend. */
export function retryAfterMs(refusal: RefusalName): number {
  if (isFinal(refusal)) return 0
  switch (refusal) {
    case 'mailbox-full':
    case 'send-gap':
    case 'owner-moved':
    case 'not-listed':
      return RETRY_SOON_MS
    default:
      return RETRY_LATER_MS
  }
}
