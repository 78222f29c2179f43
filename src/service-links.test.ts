import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'vitest'
import { layerConfig } from './config-layers.js'
import { serviceLinks } from './service-links.js'

/** What a pod gets beside a Service `parley` of one port with a name. */
const INJECTED = {
  PARLEY_SERVICE_HOST: '10.96.7.1',
  PARLEY_SERVICE_PORT: '7700',
  PARLEY_SERVICE_PORT_WS: '7700',
  PARLEY_PORT: 'tcp://10.96.7.1:7700',
  PARLEY_PORT_7700_TCP: 'tcp://10.96.7.1:7700',
  PARLEY_PORT_7700_TCP_PROTO: 'tcp',
  PARLEY_PORT_7700_TCP_PORT: '7700',
  PARLEY_PORT_7700_TCP_ADDR: '10.96.7.1',
}

test('what Kubernetes injects is one complaint that says what it is and how to be rid of it', () => {
  const complaint =
    'PARLEY_PORT=tcp://10.96.7.1:7700 and 7 more like it: Kubernetes sets these for a Service whose name begins with ' +
    'parley, and they shadow settings; put enableServiceLinks: false into the pod, or give the Service another name'
  throws(() => layerConfig(INJECTED, '/nowhere'), { name: 'ConfigError', message: complaint })
  throws(
    () => layerConfig({ PARLEY_TCP_PORT: 'tcp://10.96.7.1:7700' }, '/nowhere'),
    /^ConfigError: PARLEY_TCP_PORT=tcp:/,
  )
})

test('what an operator set is still complained of by its own name', () => {
  const set = { PARLEY_PORT: '7800', PARLEY_TCP_PORT: 'off', PARLEY_PROT: 'tcp://10.0.0.1', PARLEY_DATA: '/srv' }
  deepEqual(serviceLinks(set), [])
  throws(
    () => layerConfig({ ...INJECTED, PARLEY_WORKERS: '0' }, '/nowhere'),
    /Kubernetes[^\n]*\nPARLEY_WORKERS must be/,
  )
})
