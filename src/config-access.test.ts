import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'smol-toml'
import { test } from 'vitest'
import { accessOfApps } from '../test/support/attacks.js'
import { keyPair } from '../test/support/tokens.js'
import { ConfigError } from './config.js'
import { layerConfig } from './config-layers.js'
import { readConfig } from './read-config.js'

const SECRET = 'Wq8-shop-2Lr0Zt5Kx9Bv3Nm7Jc1Hd6Fg4'
const ec = keyPair('ES256', 'ec')

function folderWith(contents: object | string): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-access-'))
  writeFileSync(join(folder, 'parley.toml'), typeof contents === 'string' ? contents : stringify(contents))
  return folder
}

function configOf(contents: object | string, environment: Record<string, string> = {}) {
  const folder = folderWith(contents)
  return readConfig({ PARLEY_CONFIG: join(folder, 'parley.toml'), PARLEY_DATA: join(folder, 'data'), ...environment })
}

const app = (changes: object) => ({
  apps: [{ id: 'shop', keys: [{ kid: 'a', alg: 'HS256', secret: SECRET }], ...changes }],
})

test('without apps and lists: any app, origin and address', () => {
  deepEqual(configOf('').access, accessOfApps(undefined))
})

test('apps with keys and addresses of keys, issuer and audience; from the environment too', () => {
  const jwks = { url: 'https://id.example/keys' }
  const keys = [
    { kid: 'ec', alg: 'ES256', jwk: ec.jwk },
    { alg: 'ES256', pem: ec.pem },
  ]
  const written = app({ keys, jwks, issuer: 'https://id.example', audience: 'chat' })
  const algs = ['RS256', 'ES256', 'EdDSA']
  const read = [
    { id: 'shop', keys, jwks: { ...jwks, algs, roles: ['member'] }, issuer: 'https://id.example', audience: 'chat' },
  ]
  // The library's tables have no prototype.
  deepEqual(structuredClone(configOf(written).access.apps), read)
  const environment = { PARLEY_APPS: JSON.stringify(written.apps), PARLEY_ACCESS_DENY: '10.0.0.7, 10.1.0.0/16' }
  deepEqual(configOf('', environment).access, {
    ...accessOfApps(read as never),
    addresses: { allow: undefined, deny: ['10.0.0.7', '10.1.0.0/16'] },
  })
})

test('what is wrong is refused with its place, and no secret is quoted', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })
  const privatePem = ec.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const key = (description: object) => app({ keys: [{ kid: 'a', ...description }] })
  const two = { kid: 'a', alg: 'HS256', secret: SECRET }
  const cases: [contents: object, why: RegExp][] = [
    [{ aps: [] }, /parley\.toml:1: aps is not a setting of Parley; did you mean apps\?/],
    [app({ colour: 'red' }), /parley\.toml:1: apps\.0 has no colour$/],
    [app({ id: 'a\u0000b' }), /parley\.toml:2: apps\.0\.id must be an id/],
    [app({ keys: [] }), /keys or jwks: nobody could connect to app shop/],
    [{ apps: [...app({}).apps, ...app({}).apps] }, /app shop is there twice/],
    [app({ keys: [two, two] }), /its own kid/],
    [key({ alg: 'HS256', secret: 'short' }), /apps\.0\.keys\.0\.secret must have at least 32 bytes/],
    [key({ alg: 'HS256', secret: 'a'.repeat(40) }), /app shop, key a: people can guess it; make one with/],
    [key({ alg: 'HS256', secret: 'at least 32 random bytes, in quotes' }), /people can guess it/],
    [key({ alg: 'HS256', pem: ec.pem }), /apps\.0\.keys\.0 must be/],
    [key({ alg: 'none' }), /apps\.0\.keys\.0 must be/],
    [key({ alg: 'ES256', pem: 'nonsense' }), /key a: this is no public key/],
    [key({ alg: 'RS256', pem: ec.pem }), /key a: a key of type ec is not for RS256/],
    [key({ alg: 'RS256', pem: small }), /at least 2048 bits/],
    [key({ alg: 'ES256', pem: privatePem }), /this is a private key/],
    [key({ alg: 'ES256', jwk: ec.privateKey.export({ format: 'jwk' }) }), /this is a private key/],
    [app({ jwks: { url: 'http://id.example/keys' } }), /jwks\.url must be an https address/],
    [app({ jwks: { url: 'https://id.example', algs: ['HS256'] } }), /jwks\.algs/],
    [app({ jwks: { url: 'https://id.example', roles: ['root'] } }), /jwks\.roles/],
    [app({ jwks: { url: 'https://who:SHORT-PASS@id.example' } }), /jwks\.url must be .* without user and password/],
    [app({ jwks: { url: 'https://id.example' }, issuer: 'https://id.example' }), /must have an audience: app shop/],
    [{ access: { origins: ['chat.example'] } }, /access\.origins must be origins/],
    [{ access: { deny: ['10.0.0.0/33'] } }, /access\.deny must be addresses or ranges.*, not \["10\.0\.0\.0\/33"\]/],
    [{ access: { deny: ['10.0.0.0/8/24'] } }, /access\.deny must be addresses or ranges/],
    [{ access: { deny: ['fe80::1%eth0'] } }, /access\.deny must be addresses or ranges/],
    [{ limits: { connections_per_address: 0 } }, /connections_per_address must be/],
    [{ secret: SECRET, ...app({}) }, /secret cannot be set while apps have keys of their own/],
  ]
  for (const [contents, why] of cases) {
    throws(
      () => configOf(contents),
      (error: Error) => {
        ok(error instanceof ConfigError)
        ok(why.test(error.message), `${error.message} is not ${why}`)
        return (
          !error.message.includes(SECRET) &&
          !error.message.includes('SHORT-PASS') &&
          !error.message.includes('short') &&
          !/MI[A-Z]/.test(error.message)
        )
      },
    )
  }
  throws(
    () => configOf('', { PARLEY_APPS: `[{"secret": "${SECRET}"` }),
    (error: Error) => {
      equal(error.message, 'PARLEY_APPS must be a list of apps: [[apps]]')
      return true
    },
  )
})

test('a complaint names the line of the app, whichever of them it is', () => {
  const text = `[[apps]]\nid = "a"\njwks.url = "https://a.example"\n\n[[apps]]\nid = "b"\n[[apps.keys]]\nalg = "HS256"\nsecret = "${SECRET}"\n[[apps.keys]]\nkid = "x"\nalg = "HS257"\n`
  throws(() => layerConfig({}, folderWith(text)), /parley\.toml:10: apps\.1\.keys\.1 must be/)
})

test('with apps there is no secret of the server; lists alone leave it as it is', () => {
  const config = configOf(app({}), { PARLEY_HOST: '0.0.0.0' })
  deepEqual([config.secret, config.isDevelopmentSecret], [undefined, false])
  equal(configOf({ access: { origins: ['https://chat.example'] } }).isDevelopmentSecret, true)
})
