import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { isForwarded } from './proxy-headers.js'

test('a proxy is known by what it adds, among whatever else there is', () => {
  const theirs = ['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-proto']
  const others = ['x-request-id', 'host', 'vianna', 'origin', 'x-forwarded']
  deepEqual(
    [...theirs, ...others].map((name) => isForwarded(['host', name])),
    [...theirs.map(() => true), ...others.map(() => false)],
  )
})
