export const settings = {
  visibility: 'Visibility',
  makePublic: 'Make public',
  makePrivate: 'Make private',
  publicTitle: (name: string) => `Make ${name} public?`,
  publicLead: 'Anybody who reaches this server can pull it then, without an account.',
  privateTitle: (name: string) => `Make ${name} private?`,
  privateLead: 'Only members with access can pull it from then on.',
  changed: 'Changed.',
  mayNot: 'Only admins of the repository change this. Ask an owner or editor of the organization.',
}
