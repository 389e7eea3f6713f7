// A light route as an app has it, for millrace (APP) and, by `addRoutes`, for plain Express.
import { defineApp } from '#src/app.js';

/** @param {import('express').Express} app */
export function addRoutes(app) {
  app.get('/greeting/:name', (req, res) => {
    res.json({ hello: req.params.name });
  });
}

export default defineApp(({ app }) => addRoutes(app));
