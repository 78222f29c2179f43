import { deepEqual, match } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { Command } from 'commander'
import { test } from 'vitest'
import { completionScript } from './completion.js'

const program = new Command('parley')
program.command('serve').description('run a server').option('-c, --config <file>', 'configuration file')
program.command('config').description('settings').command('show').description("what holds, the operator's word")

test('bash completes commands, sub-commands and options', () => {
  const script = completionScript(program, 'bash')
  const complete = (...words: string[]) => {
    const line = `COMP_WORDS=(parley ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`
    const run = `${script}\n${line}\n_parley\necho "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).trim().split(' ')
  }
  deepEqual(complete('s'), ['serve'])
  deepEqual(complete('config', ''), ['show'])
  deepEqual(complete('serve', '--c'), ['--config'])
  deepEqual(complete('config', '--json', 's'), ['show'])
  deepEqual(complete('serve', 'show'), [''])
})

test('zsh and fish get scripts of their own', () => {
  match(completionScript(program, 'zsh'), /^#compdef parley\n/)
  const fish = completionScript(program, 'fish')
  match(fish, /^complete -c parley -n '__fish_use_subcommand' -f -a serve -d 'run a server'$/m)
  match(fish, /-n '__fish_seen_subcommand_from config' -f -a show -d 'what holds, the operator\\'s word'$/m)
  match(fish, /-n '__fish_seen_subcommand_from serve' -l config -d 'configuration file'$/m)
})
