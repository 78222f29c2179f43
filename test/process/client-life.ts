/**
 * One life of a device, as its own process: sends numbered messages to a group until it is killed, and prints those
 * that were stored. `node --import tsx client-life.ts <url> <token> <folder> <life> <group>`
 */
import { fileStorage, ParleyClient } from '../../src/client-node.js'

const [url, token, folder, life, group] = process.argv.slice(2) as [string, string, string, string, string]
const client = new ParleyClient({ servers: [url], token, storage: fileStorage(folder) })
client.onMessage(({ seq, text }) => console.log(`shown ${seq} ${text}`))
client.onTrouble(({ kind }) => console.log(`trouble ${kind}`))
await client.connect()
for (let number = 1; ; number++) {
  const outgoing = client.conversation(group).send(`${life}.${number}`)
  void outgoing.stored().then(() => console.log(`stored ${life}.${number}`))
  if (number % 20 === 0) await outgoing.stored()
  if (number % 50 === 0) await outgoing.acked()
}
