/**
 * Tokens are looked at for as long as not too many of an address were forged: a signature costs far more to check than to
 * send, and whoever sends nonsense pays for nothing. Counted over all workers of the process, in windows of a second.
 *
 * Only what may be anybody's is counted: a token that has expired was somebody's once, and a crowd of those comes back
 * from one address after every failure of its network.
 */
import { hostOf } from './address.js'
import type { SharedRates } from './shared-rates.js'
import type { TokenChecker, VerifyToken } from './token.js'

/** Read at each use: an operator may change them. */
export interface BadTokenLimits {
  readonly badTokensPerSecondMax: number
}

export function guardedTokens(
  checker: Pick<TokenChecker, 'check'>,
  rates: SharedRates,
  limits: BadTokenLimits,
): VerifyToken {
  return (token, now, remoteAddress) => {
    const share = rates.shareOf(`bad tokens ${hostOf(remoteAddress)}`)
    const second = Math.floor(now / 1_000)
    const max = limits.badTokensPerSecondMax
    if (share.remaining(max, second) === 0) return { ok: false, code: 'bad-token-rate' }
    const check = checker.check(token, now)
    if (!check.ok && (check.code === 'bad-token' || check.code === 'keys-loading')) share.takeOne(max, second)
    return check
  }
}
