/** Our own reasoning was wrong: nobody handles this, the activation dies and is rebuilt from the log. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** `message` as a function where it is put together from parts and the path is hot: a template costs more than the check. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

/** Closes a `switch` over a union, so that a new member breaks the build where it matters. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
