import { deepEqual } from 'node:assert/strict'
import { test } from 'vitest'
import { canSharePorts } from './port-sharing.js'

test('ports are shared from Node 22.12 and 23.1 on, on Linux', () => {
  const can = ['22.12.0', '22.20.1', '23.1.0', '24.0.0'].map((version) => canSharePorts(version, 'linux'))
  const cannot = ['20.20.2', '22.11.9', '23.0.1'].map((version) => canSharePorts(version, 'linux'))
  deepEqual(
    [...can, ...cannot, canSharePorts('24.0.0', 'darwin')],
    [true, true, true, true, false, false, false, false],
  )
})
