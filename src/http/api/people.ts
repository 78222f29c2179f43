/**
 * Operations on users and tokens: ending connections, taking tokens back, and what is left of a caller's limits.
 */
import type { Revocation } from '../../access/revocations.js'
import { CLOCK_SKEW_MS } from '../../access/token.js'
import { ActorKind, type UserId } from '../../domain/ids.js'
import { LIMITS } from '../../domain/limits.js'
import { inboxOf, NOTHING } from './inbox.js'
import { operation } from './operation.js'
import * as schemas from './schemas.js'

const REFUSAL_OF = { full: 'revocations-full', busy: 'overloaded', failed: 'unknown-outcome' } as const

export const PEOPLE_OPERATIONS = [
  operation({
    id: 'readInbox',
    method: 'GET',
    path: '/v1/users/{user}/conversations',
    summary: "Read a user's conversation list: heads, unread counts, read markers and settings; or what changed of it.",
    needs: 'server',
    params: schemas.UserPath,
    query: schemas.InboxQuery,
    status: 200,
    answer: schemas.UserInbox,
    async run({ caller: { app, user: server }, path, query: { after, heads_from: headsFrom }, key }, { commands }) {
      const user = path.user as UserId
      const inbox = { kind: ActorKind.inbox, id: user }
      const [incarnation, version] = (after ?? NOTHING).split('.').map(Number) as [number, number]
      const by = { app, server, user, conversation: inbox, key }
      const answer = await commands.ask(by, { kind: 'resume', ref: 1, incarnation, version, headsFrom, eventsMax: 0 })
      return answer.ok ? { answer: inboxOf(user, after, answer.frames) } : answer
    },
  }),
  operation({
    id: 'disconnectUser',
    method: 'POST',
    path: '/v1/users/{user}/disconnect',
    summary: 'End the connections of a user, or of one device. Tokens stay good: revoke them to keep the user out.',
    needs: 'server',
    params: schemas.UserPath,
    body: schemas.Disconnect,
    status: 202,
    answer: schemas.Told,
    run({ caller: { app }, path: { user }, body: { device } }, { disconnect }) {
      disconnect(app, user, device)
      return { answer: { user, ...(device !== undefined && { device }) } }
    },
  }),
  operation({
    id: 'revokeTokens',
    method: 'POST',
    path: '/v1/revocations',
    summary: 'Take back tokens that were issued before a time, and end their connections. The answer means durable.',
    needs: 'server',
    body: schemas.Revoke,
    status: 200,
    answer: schemas.Revoked,
    async run({ caller: { app }, body }, { revoke, now }) {
      const { user, issued_before: issuedBefore = now() } = body
      if (issuedBefore > now() + CLOCK_SKEW_MS) {
        return { refusal: 'bad-frame', detail: 'issued_before is more than a minute in the future' }
      }
      const revocation: Revocation = { app, issuedBefore, ...(user !== undefined && { user: user as UserId }) }
      const outcome = await revoke(revocation)
      if (outcome !== 'revoked') return { refusal: REFUSAL_OF[outcome] }
      return { answer: { app, ...(user !== undefined && { user }), issued_before: issuedBefore } }
    },
  }),
  operation({
    id: 'readQuota',
    method: 'GET',
    path: '/v1/quota',
    summary: 'What is left of the limits that hold for the caller, at this moment.',
    needs: 'member',
    status: 200,
    answer: schemas.Quota,
    run({ caller, remoteAddress }, { quotaOf, commands }) {
      const figures = quotaOf(caller, remoteAddress)
      const limit = LIMITS.serverCommandsMax
      return {
        answer: {
          app: caller.app,
          user: caller.user,
          connections_of_user: figures.connectionsOfUser,
          connections_of_address: figures.connectionsOfAddress,
          frames_per_second_of_user: figures.framesPerSecondOfUser,
          frames_per_second_of_app: figures.framesPerSecondOfApp,
          requests_of_servers: { limit, remaining: Math.max(0, limit - commands.inFlight) },
        },
      }
    },
  }),
]
