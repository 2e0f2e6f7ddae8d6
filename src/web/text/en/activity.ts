export const activity = {
  lead: 'Who changed this repository, its tags, its mirror, its webhooks and who can reach it.',
  kind: 'What',
  everything: 'Everything',
  kinds: {
    'repository.*': 'Repository',
    'tag.*': 'Tags',
    'mirror.*': 'Mirror',
    'webhook.*': 'Webhooks',
    'team.*': 'Access',
  },
  person: 'Person',
  empty: 'Nothing here, or it is older than what this server keeps.',
  columns: { at: 'When', who: 'Who', action: 'Action', object: 'On', change: 'Change' },
  refused: 'Refused',
}
