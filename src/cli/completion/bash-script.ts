/**
 * Completion for bash 3.2 and later. Words that are looked up never pass through `compgen -W`, which would evaluate
 * them. For `npx pipeline` too, where nothing else completes npx.
 */
import type { CommandEntry } from "./command-table.ts";
import { offerCases, quoted } from "./shell-words.ts";

/** `lookUp`: the command line that prints words of the kinds that are put behind it. */
export function bashScript(table: readonly CommandEntry[], lookUp: string): string {
  const lists = table.flatMap(({ path, subcommands, options }) => [
    ...(subcommands.length === 0
      ? []
      : [`    ${quoted(`${path}|commands`)}) _pipeline_found=${names(subcommands)} ;;`]),
    `    ${quoted(`${path}|options`)}) _pipeline_found=${quoted(options.map(({ flag }) => flag).join(" "))} ;;`,
  ]);
  return `# bash completion for pipeline
_pipeline_offer() {
  _pipeline_found=
  case "$1" in
${[...lists, ...offerCases(table)].join("\n")}
    *) return 1 ;;
  esac
}

_pipeline_words() {
  ${lookUp} "$@" 2>/dev/null
}

_pipeline() {
  local -a words
  local line="\${COMP_LINE:0:COMP_POINT}"
  if [[ -n $line ]]; then
    read -r -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
  else
    words=("\${COMP_WORDS[@]:0:COMP_CWORD+1}")
  fi
  COMPREPLY=()
  if [[ \${words[0]##*/} == npx ]]; then
    [[ \${words[1]} == pipeline && \${#words[@]} -gt 2 ]] || return 0
    words=("\${words[@]:1}")
  fi

  local last=$((\${#words[@]} - 1))
  local whole="\${words[last]}" typed="\${words[last]}" before= command= option= ended= place=0 word i _pipeline_found
  for ((i = 1; i < last; i++)); do
    word="\${words[i]}"
    if [[ -n $option ]]; then option=
    elif [[ -z $ended && $word == -- ]]; then ended=1
    elif [[ -z $ended && $word == -* ]]; then
      [[ $word != *=* ]] && _pipeline_offer "$command|$word" && option="$word"
    elif _pipeline_offer "$command|commands" && [[ " $_pipeline_found " == *" $word "* ]]; then
      command="\${command:+$command }$word"
    else place=$((place + 1))
    fi
  done

  local menu
  if [[ -n $option ]]; then menu="$command|$option"
  elif [[ -z $ended && $typed == --*=* ]]; then
    menu="$command|\${typed%%=*}" before="\${typed%%=*}=" typed="\${typed#*=}"
  elif [[ -z $ended && $typed == -* ]]; then menu="$command|options"
  elif [[ $place -eq 0 ]] && _pipeline_offer "$command|commands"; then menu="$command|commands"
  elif _pipeline_offer "$command|$((place + 1))"; then menu="$command|$((place + 1))"
  else menu="$command|*"
  fi
  _pipeline_offer "$menu" || return 0

  local -a kinds
  local files=
  kinds=()
  for word in $_pipeline_found; do
    case "$word" in
      @files) files=1 ;;
      @*) kinds+=("\${word#@}") ;;
      *) [[ $word == "$typed"* ]] && COMPREPLY+=("$before$word") ;;
    esac
  done
  if [[ \${#kinds[@]} -gt 0 ]]; then
    while IFS= read -r word; do
      [[ $word == "$typed"* ]] && COMPREPLY+=("$before$word")
    done < <(_pipeline_words "\${kinds[@]}")
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do COMPREPLY+=("$before$word"); done < <(compgen -f -- "$typed")
  fi

  # Readline replaces only what stands behind the last character that breaks words.
  local breaks="\${COMP_WORDBREAKS//[^=:@]/}"
  if [[ -n $breaks && \${#COMPREPLY[@]} -gt 0 ]]; then
    local behind="\${whole##*[$breaks]}"
    COMPREPLY=("\${COMPREPLY[@]#"\${whole%"$behind"}"}")
  fi
}

complete -F _pipeline pipeline
complete -p npx >/dev/null 2>&1 || complete -o default -F _pipeline npx`;
}

const names = (commands: readonly { readonly name: string }[]): string =>
  quoted(commands.map(({ name }) => name).join(" "));
