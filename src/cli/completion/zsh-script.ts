/** Completion for zsh, to be sourced after `compinit`, or saved as `_pipeline` in a folder of fpath. */
import type { CommandEntry } from "./command-table.ts";
import { menuText, offerCases, quoted } from "./shell-words.ts";

/** `lookUp`: the command line that prints words of the kinds that are put behind it. */
export function zshScript(table: readonly CommandEntry[], lookUp: string): string {
  return `#compdef pipeline
_pipeline_offer() {
  _pipeline_found=
  case "$1" in
${offerCases(table).join("\n")}
    *) return 1 ;;
  esac
}

_pipeline_menu() {
  _pipeline_entries=()
  case "$1" in
${table.flatMap(menuCases).join("\n")}
    *) return 1 ;;
  esac
}

_pipeline_words() {
  ${lookUp} "$@" 2>/dev/null
}

_pipeline() {
  local -a line _pipeline_entries kinds offered
  local command= option= ended= word _pipeline_found files= found=1
  local -i i place=0
  line=("\${(@)words[1,CURRENT]}")
  for ((i = 2; i < CURRENT; i++)); do
    word="\${line[i]}"
    if [[ -n $option ]]; then option=
    elif [[ -z $ended && $word == -- ]]; then ended=1
    elif [[ -z $ended && $word == -* ]]; then
      [[ $word != *=* ]] && _pipeline_offer "$command|$word" && option="$word"
    elif _pipeline_menu "$command|commands" && [[ -n \${(M)_pipeline_entries:#$word:*} ]]; then
      command="\${command:+$command }$word"
    else place=$((place + 1))
    fi
  done

  local typed="\${line[CURRENT]}" menu
  if [[ -n $option ]]; then menu="$command|$option"
  elif [[ -z $ended && $typed == --*=* ]]; then
    menu="$command|\${typed%%=*}"
    compset -P '*='
  elif [[ -z $ended && $typed == -* ]]; then
    _pipeline_menu "$command|options" && _describe -o -t options option _pipeline_entries
    return
  elif [[ $place -eq 0 ]] && _pipeline_menu "$command|commands"; then
    _describe -t commands command _pipeline_entries
    return
  elif _pipeline_offer "$command|$((place + 1))"; then menu="$command|$((place + 1))"
  else menu="$command|*"
  fi
  _pipeline_offer "$menu" || return 1

  for word in \${=_pipeline_found}; do
    case "$word" in
      @files) files=1 ;;
      @*) kinds+=("\${word#@}") ;;
      *) offered+=("$word") ;;
    esac
  done
  (( \${#kinds} )) && offered+=("\${(@f)$(_pipeline_words "\${(@)kinds}")}")
  offered=("\${(@)offered:#}")
  (( \${#offered} )) && compadd -a offered && found=0
  [[ -n $files ]] && _files && found=0
  return found
}

# npx pipeline …: what stands behind npx, as if it stood alone.
_pipeline_behind_npx() {
  if (( CURRENT > 2 )) && [[ "\${words[2]}" == pipeline ]]; then
    shift words
    (( CURRENT-- ))
    _pipeline
  else
    _default
  fi
}

if [[ "\${funcstack[1]}" == _pipeline ]]; then
  _pipeline "$@"
else
  compdef _pipeline pipeline
  # What completes npx already stays.
  (( \${+_comps[npx]} )) || compdef _pipeline_behind_npx npx
fi`;
}

function menuCases({ path, subcommands, options }: CommandEntry): readonly string[] {
  const menu = (key: string, entries: readonly (readonly [string, string])[]): string =>
    `    ${quoted(`${path}|${key}`)}) _pipeline_entries=(${entries
      .map(([word, description]) => quoted(`${word}:${menuText(description)}`))
      .join(" ")}) ;;`;
  return [
    ...(subcommands.length === 0
      ? []
      : [
          menu(
            "commands",
            subcommands.map(({ name, description }) => [name, description]),
          ),
        ]),
    menu(
      "options",
      options.map(({ flag, description }) => [flag, description]),
    ),
  ];
}
