/** The letter of an invitation, in plain text: who invites to what, the link on a line of its own, and what it is good for. */

export interface InvitationLetter {
  /** User name of whoever invites. */
  readonly from: string
  readonly organization: string
  readonly role: string
  readonly teams: readonly string[]
  readonly url: string
  readonly expiresAt: string
}

export function letterOf({ from, organization, role, teams, url, expiresAt }: InvitationLetter): {
  readonly subject: string
  readonly text: string
} {
  const host = new URL(url).host
  const until = `${expiresAt.slice(0, 10)} ${expiresAt.slice(11, 16)} UTC`
  const into = teams.length === 0 ? '' : `, in the team${teams.length === 1 ? '' : 's'} ${teams.join(', ')}`
  const text = [
    `${from} invites you to the organization ${organization} on ${host}, as ${role}${into}.`,
    '',
    'Open this link to join, with an account that you have there or with a new one:',
    '',
    url,
    '',
    'Or on the command line:',
    '',
    `kagami invitation accept '${url}'`,
    '',
    `The link serves once, until ${until}. Whoever has it can use it: do not pass it on.`,
    'If you did not expect this letter, you need not do anything.',
    '',
  ]
  return { subject: `Invitation to ${organization} on ${host}`, text: text.join('\n') }
}
