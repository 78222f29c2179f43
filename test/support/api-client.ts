/**
 * `/v1` as a server of an app calls it. Every answer is compared with what /v1/openapi.json says of it.
 */
import { ok } from 'node:assert/strict'
import { z } from 'zod'

interface Described {
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>
}

interface Document {
  readonly paths: Record<string, Record<string, Described>>
  readonly components: { readonly schemas: { readonly Problem: object } }
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the test asks about
  readonly json: any
}

export class ApiClient {
  readonly #port: number
  readonly #token: string
  readonly #document: Document

  private constructor(port: number, token: string, document: Document) {
    this.#port = port
    this.#token = token
    this.#document = document
  }

  static async open(port: number, token: string): Promise<ApiClient> {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/openapi.json`)
    return new ApiClient(port, token, (await answer.json()) as Document)
  }

  get operations(): { readonly method: string; readonly path: string }[] {
    return Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    )
  }

  as(token: string): ApiClient {
    return new ApiClient(this.#port, token, this.#document)
  }

  get(path: string): Promise<ApiAnswer> {
    return this.#ask('GET', path, undefined, undefined)
  }

  post(path: string, body: object | string, key?: string): Promise<ApiAnswer> {
    return this.#ask('POST', path, typeof body === 'string' ? body : JSON.stringify(body), key)
  }

  async #ask(method: string, path: string, body: string | undefined, key: string | undefined): Promise<ApiAnswer> {
    const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(key !== undefined && { 'idempotency-key': key }) },
      ...(body !== undefined && { body }),
    })
    const json = await answer.json()
    this.#check(method, path, answer, json)
    return { status: answer.status, headers: answer.headers, json }
  }

  #check(method: string, path: string, { status, headers }: Response, json: unknown): void {
    const given = path.split('?')[0]!.split('/')
    const described = Object.entries(this.#document.paths).find(([template]) => {
      const wanted = template.split('/')
      return wanted.length === given.length && wanted.every((part, at) => part.startsWith('{') || part === given[at])
    })?.[1][method.toLowerCase()]
    ok(described !== undefined, `${method} ${path} is described`)
    const content = (described.responses[status] ?? described.responses['default'])!.content
    const type = headers.get('content-type')!
    ok(type in content, `${status} ${type} is described for ${method} ${path}`)
    const { schema } = content[type]!
    const isProblem = type === 'application/problem+json'
    z.fromJSONSchema((isProblem ? this.#document.components.schemas.Problem : schema) as never).parse(json)
  }
}
