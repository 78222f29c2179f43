/**
 * `/v1` for servers: finds the operation, checks who asks and what, runs it, and says what became of it. Loaded when the
 * first request comes, since the schema library costs a thread 70 ms.
 */
import { z } from 'zod'
import type { Grant, VerifyToken } from '../../access/token.js'
import { random64 } from '../../std/random.js'
import { type HttpAnswer, type HttpRequest, json } from '../message.js'
import { problem } from '../problem.js'
import type { ApiParts } from './api-parts.js'
import { CONVERSATION_OPERATIONS } from './conversations.js'
import { openApi } from './openapi.js'
import type { Operation } from './operation.js'
import { PEOPLE_OPERATIONS } from './people.js'

export const OPERATIONS: readonly Operation[] = [...CONVERSATION_OPERATIONS, ...PEOPLE_OPERATIONS]

const KEY = /^[\x21-\x7e]{1,128}$/
const TEXT = new TextDecoder('utf-8', { fatal: true })

/** Undefined where nothing has this address. */
export async function answerApi(
  request: HttpRequest,
  parts: ApiParts & { readonly verifyToken: VerifyToken },
): Promise<HttpAnswer | undefined> {
  const { method, path } = request
  if (path === '/v1/openapi.json' && method === 'GET') return json(200, openApi(OPERATIONS))
  const atPath = OPERATIONS.flatMap((operation) => {
    const params = paramsOf(operation, path)
    return params === undefined ? [] : [{ operation, params }]
  })
  if (atPath.length === 0) return undefined
  const found = atPath.find(({ operation }) => operation.method === method)
  if (found === undefined) return wrongMethod(atPath.map(({ operation }) => operation.method))
  const caller = callerOf(request, parts)
  if (!caller.ok) return problem(caller.code, undefined, caller.code === 'bad-token-rate' ? untilNextSecond(parts) : 0)
  if (found.operation.needs === 'server' && caller.role === 'member') return problem('role-needed')
  const waitMs = parts.takeOfApp(caller.app)
  if (waitMs > 0) return problem('app-rate', undefined, waitMs)
  return await run(found.operation, found.params, request, caller, parts)
}

async function run(
  operation: Operation,
  params: Record<string, string>,
  request: HttpRequest,
  caller: Grant,
  parts: ApiParts,
): Promise<HttpAnswer> {
  const body = bodyOf(request)
  if (body === undefined) return problem('bad-frame', 'the body is JSON in UTF-8')
  const key = request.headers.get('idempotency-key')
  if (key !== undefined && !(operation.isKeyed && KEY.test(key))) {
    return problem('bad-frame', 'idempotency-key is 1 to 128 visible ASCII characters, where an operation takes one')
  }
  const asked: Record<string, unknown> = {}
  const given = {
    path: [operation.params, params],
    query: [operation.query, oneOfEach(request)],
    body: [operation.body, body],
  }
  for (const [place, [schema, value]] of Object.entries(given) as [string, [z.ZodType | undefined, unknown]][]) {
    const parsed = (schema ?? NOTHING).safeParse(value)
    if (!parsed.success) return problem('bad-frame', wrongIn(place, parsed.error))
    asked[place] = parsed.data
  }
  const { remoteAddress } = request
  // Without a key every request is a new one; nobody else can guess ours.
  const ownKey = `own ${random64(parts.random)}${random64(parts.random)}`
  const outcome = await operation.run({ caller, remoteAddress, key: key ?? ownKey, ...asked } as never, parts)
  if ('refusal' in outcome) return problem(outcome.refusal, outcome.detail, outcome.retryAfterMs)
  return json(operation.status, outcome.answer)
}

const NOTHING = z.strictObject({})

function callerOf(
  { headers, remoteAddress }: HttpRequest,
  { verifyToken, now }: ApiParts & { readonly verifyToken: VerifyToken },
) {
  const bearer = /^Bearer +([\w.-]+)$/i.exec(headers.get('authorization') ?? '')
  return verifyToken(bearer?.[1] ?? '', now(), remoteAddress)
}

/** When windows of a second begin anew. */
function untilNextSecond({ now }: ApiParts): number {
  return 1_000 - (now() % 1_000)
}

/** Undefined where it is another path, or its escapes are none. */
function paramsOf(operation: Operation, path: string): Record<string, string> | undefined {
  const [wanted, given] = [operation.path.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [at, part] of wanted.entries()) {
    if (!part.startsWith('{')) {
      if (part !== given[at]) return undefined
      continue
    }
    try {
      params[part.slice(1, -1)] = decodeURIComponent(given[at]!)
    } catch {
      return undefined
    }
  }
  return params
}

/** An empty body is an empty object; undefined: not JSON. */
function bodyOf({ body }: HttpRequest): unknown {
  if (body.length === 0) return {}
  try {
    return JSON.parse(TEXT.decode(body))
  } catch {
    return undefined
  }
}

function oneOfEach({ query }: HttpRequest): Record<string, string> {
  return Object.fromEntries(query)
}

/** Names places, never values: a body may hold anything. */
function wrongIn(place: string, { issues }: z.ZodError): string {
  const [first] = issues
  if (first?.code === 'unrecognized_keys')
    return `the ${place} has no ${first.keys.map((key) => JSON.stringify(key)).join(', ')}`
  return `${[place, ...(first?.path ?? [])].join('.')}: ${first?.message}`
}

function wrongMethod(methods: readonly string[]): HttpAnswer {
  return {
    ...problem('bad-frame', `this address takes ${methods.join(' and ')}`),
    status: 405,
    headers: { allow: methods.join(', ') },
  }
}
