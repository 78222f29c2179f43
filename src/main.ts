/**
 * `npm start`: the server on this machine, supervised, with what parley.toml and the environment say. `parley dev` and
 * `parley serve` (cli/) do the same with a word about what is chosen.
 */
import { fileURLToPath } from 'node:url'
import { supervise } from './supervisor.js'

supervise({
  script: fileURLToPath(new URL('./server.js', import.meta.url)),
  environment: process.env,
  workers: Number(process.env.PARLEY_WORKERS) || undefined,
})
