/** Where the parts of the server are, apart from them: who only asks for the way loads none of them. */
export const API_PATH = '/api/v1'
export const HOOKS_PATH = '/hooks'
