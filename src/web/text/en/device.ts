export const device = {
  title: 'Approve sign-in',
  lead: 'The command line gets a token with your permissions. Approve only if you started this yourself.',
  code: 'Code shown in the terminal',
  look: 'Continue',
  approve: 'Approve',
  deny: 'Deny',
  approved: 'Approved. You can close this page and go back to the terminal.',
  denied: 'Denied. The command line did not get a token.',
  name: 'Device',
  from: 'Address',
  asked: 'Requested',
  as: 'Signs in as',
}
