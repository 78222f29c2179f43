/** What to tell whoever has no secret yet, or a poor one. */
export const MAKE_ONE = 'make one with: openssl rand -base64 32'

/** 24 random bytes in hexadecimal miss one more often than once in a million. */
const DIFFERENT_CHARACTERS_MIN = 10

/** Of all that people type in place of a secret; random bytes as text have more different characters, and no spaces. */
export function isGuessable(secret: string): boolean {
  return (
    new Set(secret).size < DIFFERENT_CHARACTERS_MIN || /\s|secret|password|change.?me|example|default/i.test(secret)
  )
}
