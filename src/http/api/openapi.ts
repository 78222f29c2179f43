/**
 * `/v1/openapi.json`: OpenAPI 3.1, whose schemas are JSON Schema 2020-12, made from the schemas that validate.
 */
import { z } from 'zod'
import type { Operation } from './operation.js'
import { Problem } from './schemas.js'

const KEY_HEADER = {
  name: 'idempotency-key',
  in: 'header',
  required: false,
  description:
    'repeat a request under the same key and it is done once; the last 512 keys of a sender in a conversation hold',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,128}$' },
}

export function openApi(operations: readonly Operation[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    paths[operation.path] ??= {}
    paths[operation.path]![operation.method.toLowerCase()] = described(operation)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Parley', version: '1', description: 'For the servers of an app. Devices speak docs/protocol.md.' },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'with the role service or admin' },
      },
      schemas: { Problem: schemaOf(Problem, 'output') },
    },
  }
}

function described({ id, summary, isKeyed, params, query, body, status, answer }: Operation): object {
  const parameters = [
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...(isKeyed ? [KEY_HEADER] : []),
  ]
  const content = { 'application/json': { schema: schemaOf(answer, 'output') } }
  return {
    operationId: id,
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      [status]: { description: 'done', content },
      default: {
        description: 'refused: the code says what to do',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}

function parametersIn(place: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input')
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: each,
  }))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): z.core.JSONSchema.BaseSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' })
  return rest
}
