// Starts Swagger UI on the description beside the page. A classic script: the bundle before it made SwaggerUIBundle.

/**
 * A path parameter that is chosen anew takes the example of that choice along: fields that belong to the old one would
 * be refused. What goes with which choice stands in the operation's `x-examples`: a list of whole inputs.
 */
function followChoice() {
  return {
    statePlugins: {
      spec: {
        wrapActions: {
          changeParamByIdentity: (change, system) => (pathMethod, parameter, value, isXml) => {
            const { specSelectors } = system;
            const before = specSelectors.parameterWithMetaByIdentity(pathMethod, parameter)?.get('value');
            const changed = change(pathMethod, parameter, value, isXml);
            if (parameter.get('in') !== 'path' || before === undefined || before === value) return changed;
            const operation = specSelectors.specJson().getIn(['paths', ...pathMethod]);
            const examples = operation?.get('x-examples')?.toJS() ?? [];
            const example = examples.find((one) => own(one, parameter.get('name')) === String(value)) ?? {};
            for (const other of queryOf(operation)) {
              change(pathMethod, other, own(example, other.get('name')), isXml);
            }
            return changed;
          },
        },
      },
    },
  };
}

/** A field as text, null where there is none. A field may be called `constructor`. */
function own(example, field) {
  return Object.hasOwn(example, field) ? String(example[field]) : null;
}

function queryOf(operation) {
  return (operation?.get('parameters') ?? []).filter((one) => one.get('in') === 'query');
}

document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches);
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  plugins: [followChoice],
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  displayOperationId: false,
  requestSnippetsEnabled: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  // Else Swagger UI sends the description's address to its makers' validator.
  validatorUrl: null,
});
