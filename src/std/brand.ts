/** A primitive that has been checked once, at the edge, and carries that in its type. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name }
