export const people = {
  title: 'People',
  lead: 'Who is in the organization, in which teams, and who is invited.',
  tabs: { members: 'Members', teams: 'Teams', invitations: 'Invitations' },
  columns: { name: 'User', role: 'Role', teams: 'Teams', since: 'Member since', seen: 'Last seen' },
  roles: { owner: 'Owner', editor: 'Editor', member: 'Member' },
  roleHelp:
    'Owners can do everything. Editors can push to and administer every repository. Members can pull, and do what their teams allow.',
  roleOf: (name: string) => `Role of ${name}`,
  find: 'Find a person',
  you: 'you',
  nobody: 'Nobody has this name.',
  changed: 'Role changed.',
  remove: 'Remove',
  removeTitle: (name: string) => `Remove ${name} from the organization?`,
  removeLead:
    'They lose access to the organization right away, and leave all of its teams. Their account and what they pushed stay.',
  leave: 'Leave',
  leaveTitle: (organization: string) => `Leave ${organization}?`,
  leaveLead: 'You lose access right away. Only an owner can let you in again.',
  mayNot: 'Only owners can invite people and change roles. Ask one of them.',
}
