export const progress = {
  title: 'Sync in progress',
  waiting: (ahead: number | null) =>
    ahead === null || ahead === 0 ? 'Queued: next to start' : `Queued: ${ahead} ahead of it`,
  phases: { listing: 'Listing the upstream', copying: 'Copying', publishing: 'Publishing', ended: 'Done' },
  tags: 'Tags',
  manifests: 'Manifests',
  bytes: 'Copied',
  rate: 'Speed',
  left: 'Time left',
  outcome: {
    done: 'All tags are here.',
    partial: 'Some tags could not be copied. They are listed below and will be retried.',
    failed: 'The sync failed. What was here before can still be pulled.',
    stopped: 'The sync was stopped.',
  },
}
