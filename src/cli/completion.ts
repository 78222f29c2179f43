/**
 * Completion scripts for shells, made from the commands themselves.
 */
import type { Command } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface Words {
  /** `config show`; empty for the program. */
  readonly path: string
  readonly description: string
  readonly words: readonly { readonly word: string; readonly description: string }[]
}

export function completionScript(program: Command, shell: Shell): string {
  const all = wordsOf(program, [])
  switch (shell) {
    case 'bash':
      return bash(all)
    case 'zsh':
      return `#compdef parley\nautoload -U +X bashcompinit && bashcompinit\n${bash(all)}`
    case 'fish':
      return fish(all)
  }
}

function wordsOf(command: Command, path: readonly string[]): Words[] {
  const words = [
    ...command.commands.map((each) => ({ word: each.name(), description: each.description() })),
    ...command.options.map((each) => ({ word: each.long ?? each.short ?? '', description: each.description })),
  ]
  return [
    { path: path.join(' '), description: command.description(), words },
    ...command.commands.flatMap((each) => wordsOf(each, [...path, each.name()])),
  ]
}

/** The path so far is every word in front of the cursor that is no option. */
function bash(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`)
  return `_parley() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _parley parley
`
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const names = path.split(' ').filter((name) => name !== '')
    const condition = names.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${names.at(-1)}`
    return words.map(({ word, description }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c parley -n '${condition}' ${what} -d '${description.replaceAll("'", "\\'")}'`
    })
  })
  return `${lines.join('\n')}\n`
}
