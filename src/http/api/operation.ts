/**
 * One operation of `/v1`: its address, what it takes and answers, and what it does. api.ts finds and runs it, openapi.ts
 * describes it; both read the same schemas.
 */
import type { z } from 'zod'
import type { Grant } from '../../access/token.js'
import type { RefusalName } from '../../domain/refusal.js'
import type { ApiParts } from './api-parts.js'

export interface Asked<Path, Query, Body> {
  readonly caller: Grant
  readonly remoteAddress: string
  readonly path: Path
  readonly query: Query
  readonly body: Body
  /** Of this request: its idempotency key, or one of our own. */
  readonly key: string
}

/** What became of it: a value of the operation's answer, or a refusal. */
export type Outcome<Answer> = { readonly answer: Answer } | Refused

export interface Refused {
  readonly refusal: RefusalName
  readonly retryAfterMs?: number
  readonly detail?: string
}

export interface Operation<
  Path extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  /** Unique, for generated clients. */
  readonly id: string
  readonly method: 'GET' | 'POST'
  /** With `{name}` for a part that `params` has. */
  readonly path: string
  readonly summary: string
  /** member: any token that holds; server: one with the role service or admin. */
  readonly needs: 'member' | 'server'
  /** Takes the header idempotency-key. */
  readonly isKeyed?: boolean
  readonly params?: Path
  readonly query?: Query
  readonly body?: Body
  readonly status: number
  readonly answer: Answer
  run(
    asked: Asked<z.infer<Path>, z.infer<Query>, z.infer<Body>>,
    parts: ApiParts,
  ): Promise<Outcome<z.infer<Answer>>> | Outcome<z.infer<Answer>>
}

/** Keeps the types of the schemas for `run`. */
export function operation<
  Path extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
>(of: Operation<Path, Query, Body, Answer>): Operation {
  return of as unknown as Operation
}
