/** Whether UTF-8 can carry the text: it has no lone surrogates, which encoders turn into U+FFFD, each into the same. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}
