package mapping

import (
	"fmt"
	"slices"
)

// Preset is a mapping for the exports of a vendor.
type Preset struct {
	Name        string
	Description string
	Columns     []string // that it reads if the header has them
}

// Presets returns all presets.
func Presets() []Preset {
	all := make([]Preset, len(presets))
	for i, p := range presets {
		all[i] = Preset{p.Name, p.Description, p.columns()}
	}
	return all
}

func presetNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.Name
	}
	return names
}

// preset has candidates for each field. The first of which the header has a column is
// used. If there is none, the field is the column of its own name, as without a preset.
type preset struct {
	Name, Description                  string
	customerID, name, email, createdAt []byRow
	mark                               string            // in front of a customerId
	noCreatedAt                        string            // why there is no createdAt
	local                              string            // a note: whose time zone is createdAt in?
	remarks                            map[string]string // notes, by the expression that is used
}

// byRow are expressions of which the first one that has a value in a row is used. An
// identity or an email address is never chosen by row: two rows of a customer would
// have two.
type byRow []string

// column returns candidates that are one column each.
func column(names ...string) (candidates []byRow) {
	for _, name := range names {
		candidates = append(candidates, byRow{name})
	}
	return candidates
}

func (p *preset) expressions() [len(fieldNames)][]byRow {
	return [...][]byRow{p.customerID, p.name, p.email, p.createdAt}
}

// apply adds the preset to a mapping.
func (p *preset) apply(m *Mapping) error {
	for i, candidates := range p.expressions() {
		m.fields[i] = rule{remarks: p.remarks}
		for _, texts := range candidates {
			var a alternatives
			for _, text := range texts {
				e, err := ParseExpression(text)
				if err != nil {
					return fmt.Errorf("preset %s: %w", p.Name, err)
				}
				a = append(a, e)
			}
			m.fields[i].candidates = append(m.fields[i].candidates, a)
		}
	}
	m.fields[customerID].mark = p.mark
	m.fields[createdAt].absent = p.noCreatedAt
	return nil
}

func (p *preset) columns() (names []string) {
	for _, candidates := range p.expressions() {
		for _, text := range slices.Concat(candidates...) {
			e, _ := ParseExpression(text) // a test checks that all parse
			for _, name := range e.names() {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

const firstAndLast = `"First Name"+" "+"Last Name"` // also first_name, FirstName, FIRSTNAME

var presets = []preset{
	{
		Name:        "shopify",
		Description: "Shopify's export of customers. Customers without a name get that of their company. It has no creation date, so createdAt has to be mapped. In older exports, which have no IDs, the email address is the customerId.",
		// Source: "Importing and exporting customer lists", https://help.shopify.com/en/manual/customers/import-export-customers.
		// An exported Customer ID has an apostrophe in front, so that spreadsheets keep
		// all its digits.
		customerID:  column("Customer ID", "Email"),
		mark:        "'",
		name:        []byRow{{firstAndLast, "Default Address Company", "Company"}},
		email:       column("Email"),
		noCreatedAt: "Shopify exports no creation date; map createdAt to a column that you add, or to one date for all, such as '2024-01-31'",
	},
	{
		Name:        "hubspot",
		Description: "HubSpot's export of contacts, with the names or the internal names of properties. Create Date has to be among them. Contacts without a name get that of their company.",
		// Source: "Export your records", https://knowledge.hubspot.com/import-and-export/export-records,
		// and for internal names "Exports", https://developers.hubspot.com/docs/api-reference/crm-exports-v3/guide.
		// firstname, lastname, email and createdate need no mention.
		customerID: column("Record ID", "hs_object_id", "Contact ID"),
		name:       []byRow{{firstAndLast, "Company Name", "Company", "Associated Company"}},
		email:      column("Email"),
		createdAt:  column("Create Date"),
		local:      "createdAt is read as UTC unless a time zone is given; HubSpot writes it in the account's time zone",
	},
	{
		Name:        "salesforce",
		Description: "Salesforce's contacts or leads, from Data Loader, Data Export or a report. The dates of a report need a time format, since they are written as the user's locale has them.",
		// Source: "Contact", https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contact.htm,
		// for names, which Data Loader writes in capitals, and "Data Types Supported by Data Loader",
		// https://developer.salesforce.com/docs/atlas.en-us.dataLoader.meta/dataLoader/supported_data_types.htm, for times.
		// In reports, fields have their labels, such as Contact ID and Created Date.
		customerID: column("Id", "Contact ID", "Lead ID"),
		name:       []byRow{{firstAndLast, "Name", "Full Name"}},
		email:      column("Email"),
		createdAt:  column("CreatedDate"),
	},
	{
		Name:        "mailchimp",
		Description: "Mailchimp's export of an audience. createdAt is when the contact confirmed the subscription, or else when they asked for it.",
		// Source: "View or Export Contacts", https://mailchimp.com/help/view-export-contacts/.
		// LEID identifies a contact in an audience, EUID in an account. OPTIN_TIME is empty
		// for contacts that were imported; CONFIRM_TIME is not.
		customerID: column("LEID", "EUID"),
		name:       []byRow{{firstAndLast, `"FNAME"+" "+"LNAME"`, "Name"}},
		email:      column("Email Address", "Email"),
		createdAt:  []byRow{{"CONFIRM_TIME", "OPTIN_TIME"}},
	},
	{
		Name:        "stripe",
		Description: "Stripe's export of customers from the Dashboard.",
		// Source: "Export file formats", https://docs.stripe.com/get-started/data-migrations/export-file-formats,
		// for id, name and email. The Dashboard's export adds Created (UTC), and lacks Name
		// in older accounts, where Description is used for it. It is no alternative by row,
		// since beside a Name it may have any remark.
		customerID: column("id"),
		name:       column("Name", "Description"),
		email:      column("Email"),
		createdAt:  column("Created (UTC)", "Created"),
		remarks: map[string]string{
			`"Description"`: "name is the Description, since there is no column Name; if it has other texts than names, map name",
		},
	},
	{
		Name:        "woocommerce",
		Description: "WooCommerce's Customers report (Analytics), or an export of its users. In the report, the email address is the customerId, and guests have no creation date.",
		// Source: "Customers Report", https://woocommerce.com/document/woocommerce-analytics/customers-report/,
		// whose columns are in get_export_columns of src/Admin/API/Reports/Customers/Controller.php;
		// "Import and Export of WooCommerce Users", https://woocommerce.com/document/import-and-export-of-woocommerce-users/;
		// and the extension Customer/Order/Coupon Export, https://woocommerce.com/document/ordercustomer-csv-export/.
		// The report has no ID. It counts those with the same address as one customer.
		customerID: column("customer_id", "ID", "Email"),
		name:       []byRow{{firstAndLast, `"billing_first_name"+" "+"billing_last_name"`, "billing_company", "display_name", "Name"}},
		email:      column("Email", "user_email"),
		createdAt:  column("date_registered", "user_registered", "Sign Up"),
		local:      "createdAt is read as UTC unless a time zone is given; WooCommerce writes it in the site's time zone",
	},
	{
		Name:        "google-contacts",
		Description: "Google Contacts' export as Google CSV or Outlook CSV. It has no IDs, so the first email address is the customerId, and no creation date, so createdAt has to be mapped.",
		// Source: "Export, back up, or restore contacts", https://support.google.com/contacts/answer/7199294.
		// Older exports have Given Name, Additional Name and Family Name. Outlook CSV has
		// E-mail Address.
		customerID:  column("E-mail 1 - Value", "E-mail Address"),
		name:        []byRow{{`"First Name"+" "+"Middle Name"+" "+"Last Name"`, `"Given Name"+" "+"Additional Name"+" "+"Family Name"`, "Name", "Organization Name", "Organization 1 - Name", "Company"}},
		email:       column("E-mail 1 - Value", "E-mail Address"),
		noCreatedAt: "Google Contacts exports no creation date; map createdAt to a column that you add, or to one date for all, such as '2024-01-31'",
	},
}
