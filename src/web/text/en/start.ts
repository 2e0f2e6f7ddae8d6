export const start = {
  title: (source: string) => `Mirror ${source}`,
  organization: 'Organization',
  name: 'Repository name',
  nameHelp: 'The repository will be private.',
  tags: 'Tags',
  tagsHelp: 'One glob per line: 3.* includes, !*-dev excludes. Leave empty for every tag.',
  every: 'Check for updates',
  intervals: {
    '5m': 'every 5 minutes',
    '15m': 'every 15 minutes',
    '1h': 'every hour',
    '6h': 'every 6 hours',
    '1d': 'every day',
  },
  plan: 'What will be copied',
  planning: 'Checking the upstream …',
  planLine: (o: { tags: string; manifests: string; attestations: string; size: string }) =>
    `${o.tags} tags, ${o.manifests} manifests, ${o.attestations} signatures and attestations, ${o.size}`,
  submit: 'Start mirroring',
}
