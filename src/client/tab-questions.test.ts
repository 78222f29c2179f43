/** What becomes of a tab's questions when another leads, or words were missed. */
import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { SYSTEM_CLOCK } from '../std/clock.js'
import { TabQuestions } from './tab-questions.js'

test('reads are said again; what was asked on a connection counts as unanswered', () => {
  const said: string[] = []
  const heard: string[] = []
  const questions = new TabQuestions(SYSTEM_CLOCK, ({ kind }) => said.push(kind))
  questions.read({ kind: 2, id: 'all' }, { mode: 1, anchor: 0, limit: 1 }, ({ kind }) => heard.push(`read ${kind}`))
  questions.ask((ref) => ({ kind: 'ping', ref }), {
    answered: () => heard.push('answered'),
    unanswered: () => heard.push('unanswered'),
  })
  questions.again()
  deepEqual(said, ['read', 'ask', 'read'])
  deepEqual(heard, ['unanswered'])
  questions.stop()
  deepEqual(heard, ['unanswered', 'read unanswered'])
})
