/** Who may do what, printed from the table that decides. */
import { ACTIONS, RULES, type Rule } from '../src/access/authorize.ts'
import { code, tableOf } from './reference-table.ts'

export function renderRights(): string {
  const rows = ACTIONS.map((action) => {
    const rule: Rule = RULES[action]
    return [code(action), ofRoles(rule), ofTeams(rule), code(rule.scope), ofTokens(rule), ofOthers(rule)]
  })
  return `# Rights

One row an action; any of its ways is enough. A request is judged by what the database says at that moment.

${tableOf(['Action', 'Roles', 'Members by team', 'Least scope of a personal token', 'Tokens of the organization', 'And'], rows)}

- *Roles*: \`member\` with *all* means plain members of an organization whose \`--members-pull\` is \`all\`.
- *Members by team*: the permission on the repository's name, or on a pattern that matches it; each includes the ones before it (\`read\`,
  \`write\`, \`admin\`). *Managers*: members of a team that manages mirrors.
- *Tokens of the organization*: any of these rights, on a repository that the token names; where it says so, on any of the organization's, or
  only when it names all (\`*\`). Such a token has no role and no team.
- A password has every scope; a personal token never does more than its owner may.
`
}

function ofRoles({ roles, membersPull }: Rule): string {
  const names = roles.map(code)
  if (membersPull === true) names.push(`${code('member')} with *all*`)
  return names.join(', ')
}

function ofTeams({ team, managers }: Rule): string {
  return [...(team === undefined ? [] : [code(team)]), ...(managers === true ? ['managers'] : [])].join(', ')
}

function ofTokens({ allow = [], reach }: Rule): string {
  if (allow.length === 0) return ''
  const where = reach === 'organization' ? ', whatever it names' : reach === 'everything' ? ', when it names all' : ''
  return allow.map(code).join(', ') + where
}

function ofOthers({ operator, public: isPublic, own }: Rule): string {
  return [
    ...(operator === true ? ['operators'] : []),
    ...(isPublic === true ? ['anybody, when it is public'] : []),
    ...(own === true ? ['everybody, to their own'] : []),
  ].join(', ')
}
