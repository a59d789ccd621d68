/** Scripts that ask `PROGRAM __complete WORD...` and offer what it prints, one candidate a line, described after a tab. */

export type Shell = "bash" | "zsh" | "fish" | "powershell";

export function completionScript(shell: Shell, program: string): string {
  const name = program.replaceAll(/[^A-Za-z0-9_]/g, "_");
  return SCRIPTS[shell].replaceAll("@PROGRAM@", program).replaceAll("@NAME@", name);
}

const BASH = `# bash completion for @PROGRAM@
_@NAME@_complete() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}") current="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  # bash splits words at '='; the program is given the flag and its value as one.
  if [[ "\${COMP_WORDBREAKS}" == *=* && "\${COMP_CWORD}" -ge 2 ]]; then
    if [[ "\${current}" == "=" ]]; then
      words=("\${COMP_WORDS[@]:1:COMP_CWORD-2}" "\${COMP_WORDS[COMP_CWORD-1]}="); current=""
    elif [[ "\${COMP_WORDS[COMP_CWORD-1]}" == "=" ]]; then
      words=("\${COMP_WORDS[@]:1:COMP_CWORD-3}" "\${COMP_WORDS[COMP_CWORD-2]}=\${current}")
    fi
  fi
  while IFS= read -r line; do
    line="\${line%%$'\\t'*}"
    [[ "\${words[\${#words[@]}-1]}" == *=* ]] && line="\${line#*=}"
    COMPREPLY+=("\${line}")
  done < <(@PROGRAM@ __complete -- "\${words[@]}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then
    COMPREPLY=($(compgen -f -- "\${current}"))
  fi
}
complete -F _@NAME@_complete @PROGRAM@
`;

const ZSH = `#compdef @PROGRAM@
# zsh completion for @PROGRAM@
_@NAME@() {
  local -a described
  local line
  while IFS= read -r line; do
    described+=("\${\${line%%$'\\t'*}//:/\\\\:}\${\${(M)line:#*$'\\t'*}:+:\${line#*$'\\t'}}")
  done < <(@PROGRAM@ __complete -- "\${words[@]:1:$((CURRENT-1))}" 2>/dev/null)
  if (( \${#described} )); then
    _describe '@PROGRAM@' described
  else
    _files
  fi
}
if [ "\${funcstack[1]}" = "_@NAME@" ]; then
  _@NAME@ "$@"
else
  compdef _@NAME@ @PROGRAM@
fi
`;

const FISH = `# fish completion for @PROGRAM@
function __@NAME@_complete
  set -l words (commandline -opc) (commandline -ct)
  @PROGRAM@ __complete -- $words[2..-1] 2>/dev/null
end
complete -c @PROGRAM@ -a '(__@NAME@_complete)'
`;

const POWERSHELL = `# PowerShell completion for @PROGRAM@
Register-ArgumentCompleter -Native -CommandName '@PROGRAM@' -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
  @PROGRAM@ __complete -- @words "$wordToComplete" 2>$null | ForEach-Object {
    $candidate, $description = $_ -split "\`t", 2
    if (-not $description) { $description = $candidate }
    [System.Management.Automation.CompletionResult]::new($candidate, $candidate, 'ParameterValue', $description)
  }
}
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };
