/** What the page asks of the server beside chatting: tokens, and to break. Both are there in development alone. */

/** The server keeps its tokens to itself: it does not run in development. */
export class NoTokensError extends Error {
  override readonly name = 'NoTokensError'
}

/** As this page sees the server: same host, same port. */
export function chatUrl({ protocol, host }: Pick<Location, 'protocol' | 'host'>): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/v1/ws`
}

export interface DevelopmentToken {
  readonly token: string
  /** Names the server's data: another name, other data. */
  readonly data: string
}

/** Rejects with NoTokensError where the server gives none away, and with another error where it does not answer. */
export async function fetchToken(user: string): Promise<DevelopmentToken> {
  const answer = await fetch(`/v1/dev/token?user=${encodeURIComponent(user)}`)
  if (answer.status === 404 || answer.status === 403) throw new NoTokensError('Cannot get a token: the server has none')
  if (!answer.ok) throw new Error(`Cannot get a token: the server answered ${answer.status}`)
  return (await answer.json()) as DevelopmentToken
}

/** Resolves to how many workers the server is about to lose. */
export async function killWorkers(): Promise<number> {
  const answer = await fetch('/v1/dev/kill-workers', { method: 'POST' })
  if (!answer.ok) throw new Error(`Cannot kill the workers: the server answered ${answer.status}`)
  const { workers } = (await answer.json()) as { workers: number }
  return workers
}
