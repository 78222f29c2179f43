import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { serverNodeFlags } from './node-flags.js'

const GROWTH = '--heap-growing-percent=300'
const ALONE = '--single-threaded-gc'

test('workers collect by themselves where they leave no core over', () => {
  deepEqual(serverNodeFlags(undefined, 1), [GROWTH, ALONE])
  deepEqual(serverNodeFlags(undefined, 2), [GROWTH, ALONE], 'as many workers as cores is the default')
  deepEqual(serverNodeFlags(1, 2), [GROWTH])
  deepEqual(serverNodeFlags(4, 2), [GROWTH, ALONE])
})

test('many cores have more than the default number of workers takes', () => {
  deepEqual(serverNodeFlags(undefined, 64), [GROWTH])
})
