import { equal } from 'node:assert/strict'
import { test } from 'vitest'
import { closestName } from './closest-name.js'

const KNOWN = ['port', 'host', 'log.level', 'PARLEY_PORT']

test('a misspelt name finds what was meant', () => {
  equal(closestName('prot', KNOWN), 'port')
  equal(closestName('hosts', KNOWN), 'host')
  equal(closestName('log.levl', KNOWN), 'log.level')
  equal(closestName('parley_port', KNOWN), 'PARLEY_PORT')
})

test('what is like nothing known finds nothing', () => {
  equal(closestName('colour', KNOWN), undefined)
  equal(closestName('po', KNOWN), undefined)
  equal(closestName('', KNOWN), undefined)
})
