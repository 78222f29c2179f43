/** What a token says of itself to everybody; only the server can tell whether it is true. */

/** The user it names; undefined where the text is no JWT that names one. */
export function userOfToken(token: string): string | undefined {
  const payload = token.trim().split('.')[1] ?? ''
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    const { sub } = JSON.parse(new TextDecoder().decode(bytes)) as { sub?: unknown }
    return typeof sub === 'string' && sub !== '' ? sub : undefined
  } catch {
    return undefined
  }
}
